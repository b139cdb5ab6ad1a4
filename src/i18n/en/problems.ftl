# Errors on the way to the server. What happened, and what to do now.
problem-offline = The server does not answer. What you sent is tried again by itself.
problem-unauthorized = The server does not know your token. Talk to the team leader.
problem-forbidden = You have no access to that.
problem-not-found = It is not there.
problem-bad-request = The server could not read it. Report this to operations.
problem-incompatible = Server and desk do not fit together. Update the desk.
problem-too-large = The text is too long. Shorten it.
problem-too-long = The text is too long. Shorten it.
problem-unavailable = The server cannot store right now. What you sent is tried again.
problem-not-stored = It could not be stored. Try again in a moment.
problem-internal = An error on the server. Try again; report it if it stays.
problem-care-system-away = The care system does not answer. The text waits in memory.
problem-already-answered = The server has answered that already.
problem-looks-like-cpr = It looks like a CPR number and may not stand here.
problem-looks-like-phone = It looks like a phone number and may not stand here.
problem-bad-character = Use capital letters, digits, hyphen and slash only.
problem-read-only = The desk was started read-only. Nothing can be changed from here.

# Reading what was sent
problem-missing-field = The field is missing. Fill it in.
problem-unknown-code = The choice is not known. Choose again.
problem-unknown-field = The server does not know the field. Update the desk.
problem-unknown-command = The server does not know the action. Update the desk.
problem-bad-value = It cannot be read. Write it anew.
problem-empty = The field is empty. Fill it in.
problem-not-a-time = Write the time as 03:12 or 17.12 03:12.
problem-time-without-zone = The time lacks a zone. Report this to operations.
problem-not-a-number = Write the entry's number in digits.
problem-unknown-number = No open entry has that number.
problem-not-signed-in = The server does not know your token. Talk to the team leader.
problem-store-unavailable = The server cannot store right now. What you sent is tried again.
problem-unknown-entry = The entry is no longer there, or you may not see it.
problem-bad-address = The server's address cannot be used. Correct it where the desk is started.
problem-care-away = The care system does not answer. The text is still here; send it again.

# From the server's other ways: mostly for those who write programs against it
problem-backup-failed = The copy could not be written. Look for space and rights.
problem-bad-agreement = The agreement could not be read.
problem-bad-json = What was sent is not JSON.
problem-exactly-one-of = Exactly one of the fields must be there.
problem-id-reused = That id was used for something else. Try again.
problem-nested-too-deep = What was sent is nested too deep.
problem-no-such-method = That cannot be done at this address.
problem-no-such-place = There is no such address.
problem-not-an-array = What was sent must be a list.
problem-not-an-object = What was sent must be an object.
problem-purpose-missing = The purpose of the look is missing.
problem-resync = Something is missing. The board is fetched again.
problem-too-many-items = Too many at once. Split them.
problem-too-many-streams = Too many desks are open on your token. Close one.
problem-unknown-observation = The server does not know that observation.
problem-unreadable-message = The message could not be read.
problem-body-too-large = What was sent is too large. Split it up.
problem-body-too-slow = What was sent came too slowly. Try again.
problem-missing = The field is empty. Fill it in.
