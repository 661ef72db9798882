"""When something is due: Quartz cron expressions, plain intervals, time zones, and all that in English."""
