"""From what was measured to where people look: assessments, conditions, statuses, events, log lines."""
