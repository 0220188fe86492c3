"""A fleet's past as files for `pantau-collector import`: rollups, tests, state runs, and raw measurements."""
