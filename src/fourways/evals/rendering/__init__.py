"""Reports for people and for CI: pages that work from disk, JUnit XML, Markdown; charts as plain SVG. Pure."""
