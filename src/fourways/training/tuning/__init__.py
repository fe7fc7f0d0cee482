"""The tuning programs: a base learns from answers, preferences, thumbs, or a larger model."""
