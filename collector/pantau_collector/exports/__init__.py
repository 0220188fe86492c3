"""A month as files that people take away: CSV, XLSX, PDF, from what a `MonthReader` returns."""
