"""The only place that knows SQL and the files beside it: functions named by what they answer, one transaction a job."""
