# Fejl på vejen til serveren. Hvad der skete, og hvad man gør nu.
problem-offline = Serveren svarer ikke. Det, du sendte, prøves igen af sig selv.
problem-unauthorized = Serveren kender ikke din nøgle. Tal med teamlederen.
problem-forbidden = Det har du ikke adgang til.
problem-not-found = Det findes ikke.
problem-bad-request = Serveren kunne ikke læse det. Meld fejlen til driften.
problem-incompatible = Serveren og vagttavlen passer ikke sammen. Opdatér vagttavlen.
problem-too-large = Teksten er for lang. Kort den af.
problem-too-long = Teksten er for lang. Kort den af.
problem-unavailable = Serveren kan ikke gemme lige nu. Det, du sendte, prøves igen.
problem-not-stored = Det kunne ikke gemmes. Prøv igen om lidt.
problem-internal = Fejl på serveren. Prøv igen; meld den til driften, hvis den bliver ved.
problem-care-system-away = Omsorgssystemet svarer ikke. Teksten venter i hukommelsen.
problem-already-answered = Serveren har allerede svaret på det.
problem-looks-like-cpr = Det ligner et CPR-nummer og må ikke stå her.
problem-looks-like-phone = Det ligner et telefonnummer og må ikke stå her.
problem-bad-character = Brug kun store bogstaver, tal, bindestreg og skråstreg.
problem-read-only = Vagttavlen er startet til læsning. Intet kan ændres herfra.

# Læsning af det, der blev sendt
problem-missing-field = Feltet mangler. Udfyld det.
problem-unknown-code = Valget kendes ikke. Vælg igen.
problem-unknown-field = Serveren kender ikke feltet. Opdatér vagttavlen.
problem-unknown-command = Serveren kender ikke handlingen. Opdatér vagttavlen.
problem-bad-value = Det kan ikke læses. Skriv det om.
problem-empty = Feltet er tomt. Udfyld det.
problem-not-a-time = Skriv tiden som 03:12 eller 17.12 03:12.
problem-time-without-zone = Tiden mangler zone. Meld fejlen til driften.
problem-not-a-number = Skriv postens nummer med tal.
problem-unknown-number = Ingen åben post har det nummer.
problem-not-signed-in = Serveren kender ikke din nøgle. Tal med teamlederen.
problem-store-unavailable = Serveren kan ikke gemme lige nu. Det, du sendte, prøves igen.
problem-unknown-entry = Posten findes ikke længere, eller du har ikke adgang til den.
problem-bad-address = Serverens adresse kan ikke bruges. Ret den i opstarten.
problem-care-away = Omsorgssystemet svarer ikke. Teksten er her stadig; send den igen.

# Fra serverens øvrige veje: mest for den, der skriver programmer imod den
problem-backup-failed = Kopien kunne ikke skrives. Se efter plads og rettigheder.
problem-bad-agreement = Aftalen kunne ikke læses.
problem-bad-json = Det sendte er ikke JSON.
problem-exactly-one-of = Præcis ét af felterne skal være der.
problem-id-reused = Det id er brugt til noget andet. Prøv igen.
problem-nested-too-deep = Det sendte er flettet for dybt.
problem-no-such-method = Det kan ikke gøres på den adresse.
problem-no-such-place = Adressen findes ikke.
problem-not-an-array = Det sendte skal være en liste.
problem-not-an-object = Det sendte skal være et objekt.
problem-purpose-missing = Der mangler et formål med opslaget.
problem-resync = Noget mangler. Tavlen hentes igen.
problem-too-many-items = For mange på én gang. Del dem op.
problem-too-many-streams = For mange vagttavler er åbne på din nøgle. Luk en af dem.
problem-unknown-observation = Serveren kender ikke den observation.
problem-unreadable-message = Beskeden kunne ikke læses.
problem-body-too-large = Det sendte er for stort. Del det op.
problem-body-too-slow = Det sendte kom for langsomt. Prøv igen.
problem-missing = Feltet er tomt. Udfyld det.
