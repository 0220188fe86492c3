"""`pantau-collector sla`: months judged, announced maintenance, objections, profiles and evidence."""
