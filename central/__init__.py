"""The backend: domain packages, and the thin entry points web, api, ingest, jobs and cli."""
