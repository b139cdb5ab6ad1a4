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
# What exactly is wrong with a source, or with a row of a file.
trouble-row = line { $line }: { $what }
trouble-rows = line { $line } and { $more } more: { $what }
trouble-what-folder-missing = the folder is not there: make it, or correct its path in the settings
trouble-what-folder-unreadable = the folder may not be read: give the server read and write access
trouble-what-cannot-delete = a file that was read cannot be deleted: give the server write access to the folder
trouble-what-file-waits = a file waits: it cannot be taken in now, and is tried again
trouble-what-file-too-large = a file is too large; it was renamed to .unreadable
trouble-what-file-unreadable = a file may not be read; it was renamed to .unreadable
trouble-what-empty-file = a file is empty; it was renamed to .unreadable
trouble-what-is-workbook = a file is a workbook: save it as CSV; it was renamed to .unreadable
trouble-what-not-text = a file is not text; it was renamed to .unreadable
trouble-what-no-visit-column = no column with the visit's id: name it in the mapping file; the file was renamed to .unreadable
trouble-what-not-a-list = a JSON file is no list; it was renamed to .unreadable
trouble-what-missing-visit = the visit's id is missing
trouble-what-visit-is-cpr = the visit's id looks like a CPR number
trouble-what-bad-visit = the visit's id cannot be used
trouble-what-missing-citizen = the citizen is missing
trouble-what-bad-citizen = the citizen's id cannot be used
trouble-what-citizen-is-cpr = the citizen is a CPR number, and there is no care system to ask
trouble-what-citizen-unknown = the care system does not know the citizen
trouble-what-missing-help = the kind of help is missing
trouble-what-unknown-help = unknown help: put the word into the mapping file
trouble-what-missing-grant = the kind of grant is missing: put one into the mapping file's [defaults]
trouble-what-unknown-grant = unknown grant: put the word into the mapping file
trouble-what-unknown-status = unknown status: put the word into the mapping file
trouble-what-missing-cancelled-by = it does not say who cancelled
trouble-what-unknown-cancelled-by = unknown who cancelled: put the word into the mapping file
trouble-what-missing-time = the agreed time is missing
trouble-what-bad-time = a time cannot be read
trouble-what-missing-date = the date is missing
trouble-what-bad-date = the date cannot be read
trouble-what-bad-window = the window cannot be read
trouble-what-in-future = something has happened in the future
trouble-what-too-old = the visit is more than 30 days old
trouble-what-too-far-ahead = the visit is more than a year ahead
trouble-what-too-many-cells = more cells than columns: are quotes missing?
trouble-what-cell-too-long = a cell is too long
trouble-what-open-quote = a quote is never closed
trouble-what-too-many-rows = too many rows; the rest was not read
trouble-what-bad-value = a value is neither text nor number
trouble-what-cut-off = the file ends in the middle of the row
trouble-what-refused = was refused
cli-visits-unreadable = { $why }.
cli-visits-checked = { $good } rows can be taken in, { $bad } cannot; { $cpr } name the citizen by CPR number, which the care system is asked about.
cli-visits-bad-rows = Correct the rows, or put the missing words into the mapping file (--mapping FILE).
trouble-what-signature-needed = the source does not sign: whoever runs it must set the secret
trouble-what-signature-malformed = the signature is not written as it should be: whoever runs the source must correct it
trouble-what-signature-wrong = wrong signature: the secret is not the same, or somebody tries
trouble-what-signature-out-of-time = the source's clock is wrong: whoever runs it must set it
trouble-what-signature-replayed = the same was sent again: a fault of the source, or somebody plays it back
trouble-what-too-many-signatures = the source sends too much at once
cli-secret-too-short = The secret in { $file } is too short: at least { $min } characters. Make one: openssl rand -hex 32
