# The citizen's history
keys-history = the citizen's history
notice-no-citizen = It is not known which citizen the entry is about.
history-title = History: { $citizen }
history-ask = What is the history for? The look is logged.
history-fetching = Fetching …
history-failed = The history could not be fetched. Close, and try again in a moment.
history-heading = { $count ->
    [one] 1 entry
   *[other] { $count } entries
  }, newest first · purpose: { $purpose } · logged
history-empty = The log has nothing about the citizen under your agreements.
history-all = That is all the log has under your agreements.
history-more = Older entries are not shown here.
history-until = over { $clock }
history-open = open
purpose-duty = the duty now
purpose-handover = handover
purpose-follow-up = follow-up
purpose-complaint = complaint
purpose-inspection = inspection
