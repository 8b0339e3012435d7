"""What rules find: clauses, hits, moments, what the therapist did next."""
