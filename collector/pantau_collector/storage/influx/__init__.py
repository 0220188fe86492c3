"""The store for a nation: InfluxDB 1.6 or later, 2 and 3, by line protocol and InfluxQL over HTTP."""
