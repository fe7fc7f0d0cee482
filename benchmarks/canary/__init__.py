"""How often a canary is rightly and wrongly aborted or called sound, by simulation."""
