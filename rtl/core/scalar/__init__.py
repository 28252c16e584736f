"""The scalar unit: queues, issue, registers, arithmetic."""
