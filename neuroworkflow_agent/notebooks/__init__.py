"""The notebook document and its file; no kernel."""
