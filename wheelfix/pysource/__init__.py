"""What Python sources open by name."""
