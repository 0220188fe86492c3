"""A month as PDF: letterhead, summary, list of villages, and pages for each village that failed."""
