# Sources: how they are
source-heading = { $name } ({ $kind }):
source-heard = heard { $age } ago, expected within { $within }
source-awaited = not heard yet, expected within { $within }
source-heard-free = heard { $clock }; no time set: silence is not seen
source-never-free = never heard; no time set: silence is not seen
source-missing = nothing for { $age }
source-never = nothing heard since { $clock }
source-expected = expected within { $within }
source-desks-open = a board is open
source-desks-missing = NO BOARD OPEN for { $age }
source-not-set-up = not set up: { $what }
source-seconds = { $seconds } s
source-unreadable = unreadable: { $what }; last { $clock }
source-times = { $what } ({ $count ->
    [one] once
   *[other] { $count } times
  })
source-clock-ahead = the source's clock is { $length } ahead of ours
source-clock-behind = the source's clock is { $length } behind ours
source-many-missing = { $count } sources are missed: { $names }
header-sources-ok = Sources: all heard
header-sources-nearest = Sources: all heard ({ $name } { $age } of { $within })
header-source-bad = { $name } { $state }
header-source-since = { $name } { $state } for { $length }

source-kind-desks = boards
source-kind-escalation = call to the back-up
source-kind-canary = canary

# What is missing when something is not set up
source-set-up-ami = [[ami]] in the server's settings
source-set-up-scaip = [[scaip]] in the server's settings
source-set-up-medcom = the hospital's messages to /v1/medcom
source-set-up-visits = [[visits]] in the server's settings
source-set-up-care = [care] in the server's settings
source-set-up-escalation = [escalation] in the server's settings; nobody is called when nobody takes an alarm
source-set-up-canary = [canary] in the server's settings
source-set-up-nobody-listening-unset = nobody_listening_seconds in the agreement; nobody is told that every board is closed
source-set-up-no-token = the source has no token; run: vagttavle user add NAME --role source

trouble-silent = says nothing
trouble-unreadable = cannot be read
trouble-nobody-listening = no board is open
trouble-key-reused = same key, other content
trouble-failed = does not work
why-source-silent = The source says nothing
why-source-unreadable = The source cannot be read
why-source-nobody-listening = No board is open
why-source-key-reused = The source reuses a key
why-source-failed = Our own check failed

# What exactly
trouble-what-not-json = not JSON
trouble-what-not-a-bundle = no FHIR message
trouble-what-header-unreadable = the message's header
trouble-what-no-message-header = message without a header
trouble-what-refused-content = refused content
trouble-what-not-an-array = no list
trouble-what-refused-item = observation refused
trouble-what-bad-json = not JSON
trouble-what-body-too-large = too large
trouble-what-body-too-slow = came too slowly
trouble-what-no-desk-open = no board is open: somebody must open one and sign on
