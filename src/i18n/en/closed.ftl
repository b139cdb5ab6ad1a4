# What is over, found again
place-closed = Closed
place-short-closed = Clsd
column-closed = Closed
column-outcome = Ended
list-empty-closed = Nothing is closed yet. What is closed stands here, to be opened and put right.
list-empty-closed-filter = Nothing closed is as asked for. Look for a number, a day (22.11), a board, a municipality, an outcome or a whole id. Esc clears.
closed-today = today
closed-yesterday = yesterday
