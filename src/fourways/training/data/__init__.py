"""Rows to learn from: read in every usual form, checked, mended, parted, made. Free of torch and of tokenizers."""
