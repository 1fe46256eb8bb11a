"""What was looked at of AudioMuse-AI, release by release."""
