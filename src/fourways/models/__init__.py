"""Everything that answers or embeds, reached over a wire: remote servers, and the small ones built in."""
