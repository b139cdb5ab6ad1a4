# Shared by all boards
common-held-by = with { $name }
common-me = you
common-nobody = –
common-unknown = ?
common-yes = yes
common-no = no
common-pending = sends
common-unstored = NOT STORED
common-own-rule = own rule
common-unset = not set
common-clause = cl. { $clause }
common-stale = STALE since { $clock }: what is shown may have changed. Trying again by itself.
banner-log-loading = THE LOG IS BEING READ: alarms ring as NOT STORED, the rest follows
banner-disk-slow = THE DISK DOES NOT ANSWER: alarms ring as NOT STORED, nothing is confirmed
banner-log-away = THE LOG CANNOT BE WRITTEN: alarms ring as NOT STORED, nothing is confirmed
banner-log-damaged = THE LOG IS DAMAGED: alarms ring as NOT STORED, nothing is stored
banner-from-log-damaged = THE LOG IS DAMAGED from no. { $from }: alarms ring, nothing is stored
banner-span-log-damaged = THE LOG IS DAMAGED, no. { $from } to { $to }: alarms ring, nothing is stored
common-connecting = Waiting for the server …
common-synthetic = invented citizens
common-hidden = hidden
common-people-hidden = names hidden
common-read-only = read only
common-number = No. { $number }
common-of = { $count } of { $of }
common-more = and { $count } more
common-times = { $happened } (written { $recorded })

column-mark = !
column-number = No.
column-board = Board
column-state = State
column-age = Age
column-due = Due
column-holder = With
column-agreement = Municip.
column-next = Next
column-citizen = Citizen
column-waited = Waited
column-caller = Caller
column-reason = Reason
column-promise = Promised
column-what = What
list-empty = Nothing open here.
list-empty-filter = Nothing matches the search. Esc clears it.
list-filter = Search: { $text }
list-empty-discharges = Nobody is in hospital or on the way home. When somebody rings about a discharge, { $key } opens it.
list-empty-visits = No visits are planned or off. The plan comes from the care system.
list-more-above = ↑ { $count } worse
list-more-below = ↓ { $count } more
list-more-planned = and { $count } more planned visits: show NUMBER shows one
list-more-searched = { $count } more planned by searching
list-searching = Searching …

header-on-call = On shift: { $names }
header-nobody-on-call = NOBODY has signed on
header-away = { $name } (away)
header-alarms = Alarms { $open }
header-alarms-ringing = Alarms { $open }, { $ringing } RINGING
header-alarms-rung-out = Alarms { $open }, { $out } RANG OUT
header-alarms-both = Alarms { $open }, { $ringing } RINGING, { $out } RANG OUT
header-calls = Calls { $waiting } waiting, { $missed } missed
header-calls-short = Calls { $waiting } wait, { $missed } missed
header-deadlines = Deadlines { $count }
header-deadlines-over = Deadlines { $count }, { $over } OVERDUE
header-deadlines-next = Deadlines { $count }, next { $countdown }
header-queue-nobody = NOBODY takes { $queue }
header-queue-nobody-waiting = NOBODY takes { $queue }: { $count } waiting
header-queue = { $queue }: { $duty } on
header-queue-paused = { $queue }: { $duty } on, { $paused } paused
header-notes-waiting = { $count ->
    [one] 1 note waits
   *[other] { $count } notes wait
  }
header-ledger = Redirects { $agreement } { $used } of { $limit }
header-ledger-short = Redir. { $agreement } { $used } of { $limit }
header-ledger-clears = Redirects { $agreement } { $used } of { $limit }, falls out { $day }
header-ledger-plan = ACTION PLAN
header-answering = Answered { $board } { $agreement }: { $count } of { $of } within { $seconds } s
header-misses-left = { $misses ->
    [0] 0 may be missed
    [one] 1 may be missed
   *[other] { $misses } may be missed
  }
header-goal-broken = { $misses } too many missed
header-goal = goal { $percent }

notice-refused = { $what }: { $why }
notice-done = { $what }: done.
notice-gone = { $number } is over or out of sight. Nothing was sent.
notice-changed = { $number } changed meanwhile. Look again. Nothing was sent.
notice-held = The chosen entry vanished. Now { $number } is chosen. Press again if that is the one.
notice-note-waits = The care system does not answer. The note waits in the server's memory and is sent by itself.
notice-paste-ignored = The pasted text was not used: no field is open.
notice-unfinished-answer = The terminal sent something that never ended. It was thrown away.
notice-unfinished-paste = The pasted text did not come through whole and was thrown away. Paste it again.
notice-put-aside = What you typed is put aside: { $key } brings it back.
notice-doubted = The terminal sent characters that nobody typed. Nothing was done: press again in a moment if it is you.
notice-no-job-control = The board cannot be paused here: no terminal could bring it back.
notice-nothing-chosen = No entry is chosen.
notice-not-here = That cannot be done with this entry.
notice-read-only = Read only: nothing can be changed from here.
notice-copied = The number is copied.
notice-nothing-to-search = Nothing to search here. Go to a board first.
notice-nothing-to-copy = There is no number to copy.
notice-new-alarm = NEW ALARM { $number }: press { $key }
notice-sending = Sending: { $what }
notice-link = The link: { $why }

cost-next = If { $number } rings out: redirect { $next } of { $limit }, { $agreement }
cost-next-short = If { $number } rings out
cost-this = It will be redirect { $next } of { $limit }, { $agreement }
cost-plan = ACTION PLAN demanded
cost-breach = may become a material breach

small-screen = The screen is { $width }x{ $height }. The desk needs { $needed-width }x{ $needed-height }.
small-alarms = { $open ->
    [0] No alarms.
   *[other] Alarms { $open }, { $ringing } RINGING
  }

title-bar = Vagttavle
title-bar-alarms = Vagttavle: alarms { $alarms }, { $ringing } ringing
desktop-notice = { $ringing ->
    [one] 1 alarm rings
   *[other] { $ringing } alarms ring
  }
