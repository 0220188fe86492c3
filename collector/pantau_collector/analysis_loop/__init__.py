"""The runner of the analysis: reads from the store, feeds `pantau_collector.analysis`, writes back."""
