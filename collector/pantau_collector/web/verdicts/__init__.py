"""The months as people see them: areas from the nation down to a district, and a village's page."""
