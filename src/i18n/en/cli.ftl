# The command line.
cli-no-data-folder = No folder for the log. Name it with --data DIR.
cli-no-unit = Give the unit's account or number as it says it itself.
cli-no-server = No server is set up. Name it with --server URL and --token-file FILE, or see what the board can do: vagttavle demo
cli-no-token-file = No token is set up. Name it with --token-file FILE.
cli-postgres-later = PostgreSQL comes in a later version. Use a folder: --data DIR
cli-unknown-database = Unknown database. Use a folder: --data DIR
cli-cannot-listen = Cannot listen on { $address }: { $why }. Choose another address with --listen.
cli-scaip-cannot-listen = Cannot listen for alarms on { $address }: { $why }. Change listen under [[scaip]], or stop the program that has the port.
cli-scaip-too-late = Alarms under { $agreement } ring out after { $seconds } seconds, but the units give up after { $holds }. Lower ring_out_seconds in the agreement so that 20 seconds are left, or raise the units' waiting time and holds_seconds under [[scaip]].
cli-scaip-certificate = { $file } cannot be used as a certificate or key: { $why }. It must be PEM, and the two must belong together.
cli-not-loopback = { $address } is not the machine's own address. The server speaks without encryption and listens on loopback only; use SSH.
cli-bad-settings = { $file }, line { $line }, column { $column }: { $what }.
cli-bad-file = { $file }: { $what }
cli-name-of-token = [[{ $block }]] { $name }: a source with a token is called so too; the two would be taken for one. Give one of them another name (vagttavle user revoke { $name }).
cli-not-adopted = { $setting } names the agreement { $agreement }, which is not in force: nobody could see what came in for it. In force are { $adopted }. Correct the name, or adopt the agreement: vagttavle agreement adopt FILE
cli-not-adopted-nearest = { $setting } names the agreement { $agreement }, which is not in force: nobody could see what came in for it. Did you mean { $nearest }? Else adopt the agreement: vagttavle agreement adopt FILE
cli-unknown-setting = { $name } is nothing that can stand here. Here can stand: { $known }
cli-missing-setting = { $name } is missing
cli-did-you-mean = Did you mean { $nearest }?
cli-bad-agreement-line = { $file }, line { $line }, column { $column }, { $key }: { $what }
cli-agreement-good = { $file } can be used: { $name }, version { $version }.
cli-agreement-adopted = { $id } is in force.
cli-newer-rules = The agreement { $id } is older than these rules: { $rules }. The program does not use them until it has them. Write them into its file (if you have none: vagttavle agreement show { $id } --file), and run: vagttavle agreement adopt FILE
cli-user-revoked = { $name } has no access any more.
cli-no-users = Nobody has access yet. Begin with: vagttavle user add NAME --role coordinator --agreement ID
cli-revoked = without access
cli-log-verified = The log is whole: { $records } events and { $looks } looks were recomputed.
cli-backed-up = The log is copied to { $file }: { $records } events.
cli-restored = The log is in { $folder }: { $records } events.
cli-no-log = There is no log in { $folder }. Name its folder with --data DIR or VAGTTAVLE_DATA.
cli-restore-not-empty = { $folder } has a log already. Restore into an empty folder.
cli-no-such-number = No open entry has number { $number }. See them with: vagttavle list
cli-no-such-action = { $action } cannot be done to this entry. What can be done: { $actions }
cli-bad-field = { $field } is not understood. Write name=value; the fields are: { $fields }
cli-done = Done: { $number } { $state }
cli-note-waits = The care system does not answer. The text waits in the server's memory.
cli-notes-lost = { $count ->
    [one] One note that waited for the care system was not written and is lost. Write it in the care system.
   *[other] { $count } notes that waited for the care system were not written and are lost. Write them in the care system.
 }
cli-care-needed = not set up: { $setting }. Nexus cannot be used without it; write it in the server's settings under [care].
cli-care-bad-address = { $setting } must be an https address (http on this machine only).
cli-care-off = not set up: the care system (care.adapter). Names are not shown, and notes cannot be written from here.
cli-care-not-set-up = not set up: { $what } ({ $setting })
cli-nothing-open = Nothing is open.
cli-nothing-closed = Nothing is closed yet.
cli-no-closed-such = Nothing closed is as asked for.
cli-more-closed = There is more: add --after { $after }
cli-log-damaged = The log is damaged at { $at }: { $why }. Keep the folder as it is and lay the last good copy into an empty one: vagttavle restore FILE --data NEW
cli-log-unavailable = The log cannot be used now: { $why }. See to the disk and its space, and try again.
cli-log-refused = The log is not opened: { $why }
cli-failed = It did not work: { $why }
cli-doctor-good = fine
cli-doctor-bad = not fine
cli-demo-people = Citizens and staff are invented. Nothing is stored.
cli-source = source
cli-contract = contract { $clause }
cli-own-rule = own rule
cli-care-system-shared = citizens' ids are shared with the agreements that name the same care system
cli-unset = unset
cli-offer-demo = Press Enter to see the demo (invented citizens, nothing is stored). Type anything else to end.
# Mistakes in an agreement file.
mistake-syntax = the file cannot be read as TOML: { $message }
mistake-unknown-key = the key is not known
mistake-missing-key = the key is missing
mistake-wrong-type = what should stand here is { $expected ->
    [table] a table
    [list] a list
    [text] a text in quotes
    [number] a number
    [yes-or-no] true or false
    [date] a date such as 2026-11-01
   *[other] something else
 }
mistake-out-of-range = the number must be from { $from } to { $to }
mistake-not-clock-time = what should stand here is a time such as 09:00
mistake-unknown-word = the word is not known
mistake-bad-text = the text is empty, too long, or has a character that may not stand here
mistake-repeated = it stands here twice
mistake-no-value = write either contract = … or own = …
mistake-two-values = write only one of contract and own
mistake-missing-clause = an agreed value must name its clause: clause = "…"
mistake-clause-of-own-rule = an own rule has no clause in the contract

# Files that the server or the desk must read
file-trouble-missing = The file { $file } is not there: make it, or correct the path.
file-trouble-forbidden = The file { $file } may not be read: give the user that the program runs as the right to read it.
file-trouble-folder = { $file } is a folder and no file: correct the path.
file-trouble-not-text = The file { $file } is no text (UTF-8): it is probably the wrong file.
file-trouble-too-large = The file { $file } is too large: it is probably the wrong file.
file-trouble-open-to-others = Others may read { $file }. Run: chmod 600 { $file }
file-trouble-empty-secret = The file { $file } is empty: write the secret on its first line.
file-trouble-care-agreement-twice = { $file }: the agreement { $what } stands in agreements of two care systems ([[care]]). Each agreement has one: name it in one place.
file-trouble-care-no-agreements-twice = { $file }: two care systems ([[care]]) are without agreements, and only one can serve the agreements that nobody names. Write agreements = ["AGREEMENT"] in one of them.
file-trouble-care-told-elsewhere = { $file }: { $what } stands under a care system ([[care]]) that does not serve that agreement. Move it to the agreement's own, or mend agreements.

# Why the log cannot be opened or used
cli-witness-missing = The witness of the log is missing: whether something is missing at the end cannot be seen. The server makes a new one and says so on the board.
store-why-network-disk = { $file } is on a network file system ({ $kind }); use a local disk
store-why-held = another server (process { $process }) uses { $file }; stop it first
store-why-open-to-others = others may read { $file }; run: chmod { $rights } { $file }
store-why-witness-inside = the witness must not be in the data folder: set witness to another folder
store-why-file-exists = { $file } is there already; choose another name
store-why-newer-program = it was written by a newer program (version { $version } of its tables); use that
store-why-missing = { $file } is not there
store-why-forbidden = { $file } may not be read or written; give the user that the server runs as the right to
store-why-disk-full = there is no room on the disk ({ $file })
store-why-read-only = the disk can only be read ({ $file })
store-why-disk = { $file } cannot be read or written ({ $error })
