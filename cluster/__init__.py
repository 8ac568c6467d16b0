"""The machines and what they hold: settings, Ray session, video in, object store, lake, camera files."""
