"""Which findings are shown: rules chosen, severities, confidence, suppressions, identity, order."""
