# Kommandolinjen. Fejl siger hvad der skete, hvor, og hvad man gør nu.
cli-no-data-folder = Ingen mappe til loggen. Angiv den med --data MAPPE.
cli-no-unit = Skriv enhedens konto eller nummer, som den selv siger det.
cli-no-server = Ingen server er sat op. Angiv den med --server URL og --token-file FIL, eller se, hvad vagttavlen kan: vagttavle demo
cli-no-token-file = Ingen nøgle er sat op. Angiv den med --token-file FIL.
cli-postgres-later = PostgreSQL kommer i en senere udgave. Brug en mappe: --data MAPPE
cli-unknown-database = Ukendt database. Brug en mappe: --data MAPPE
cli-cannot-listen = Kan ikke lytte på { $address }: { $why }. Vælg en anden adresse med --listen.
cli-scaip-cannot-listen = Kan ikke lytte efter nødkald på { $address }: { $why }. Ret listen under [[scaip]], eller stop det program, der har porten.
cli-scaip-too-late = Nødkald under { $agreement } ringer ud efter { $seconds } sekunder, men apparaterne giver op efter { $holds }. Sæt ring_out_seconds i aftalen ned, så der er 20 sekunder tilbage, eller sæt apparaternes ventetid og holds_seconds under [[scaip]] op.
cli-scaip-certificate = { $file } kan ikke bruges som certifikat eller nøgle: { $why }. Den skal være PEM, og de to skal høre sammen.
cli-not-loopback = { $address } er ikke maskinens egen adresse. Serveren taler uden kryptering og lytter kun på loopback; brug SSH.
cli-bad-settings = { $file }, linje { $line }, tegn { $column }: { $what }.
cli-bad-file = { $file }: { $what }
cli-name-of-token = [[{ $block }]] { $name }: så hedder også en kilde med token; de to ville blive regnet for én. Giv den ene et andet navn (vagttavle user revoke { $name }).
cli-not-adopted = { $setting } nævner aftalen { $agreement }, som ikke er i brug: det, der kom ind for den, kunne ingen se. I brug er { $adopted }. Ret navnet, eller tag aftalen i brug: vagttavle agreement adopt FIL
cli-not-adopted-nearest = { $setting } nævner aftalen { $agreement }, som ikke er i brug: det, der kom ind for den, kunne ingen se. Mente du { $nearest }? Ellers tag aftalen i brug: vagttavle agreement adopt FIL
cli-unknown-setting = { $name } er ikke noget, der kan stå her. Her kan stå: { $known }
cli-missing-setting = { $name } mangler
cli-did-you-mean = Mente du { $nearest }?
cli-bad-agreement-line = { $file }, linje { $line }, tegn { $column }, { $key }: { $what }
cli-agreement-good = { $file } kan bruges: { $name }, udgave { $version }.
cli-agreement-adopted = { $id } er sat i kraft.
cli-newer-rules = Aftalen { $id } er fra før disse regler: { $rules }. Programmet bruger dem ikke, før de står i den. Skriv dem i aftalens fil (har du ingen: vagttavle agreement show { $id } --file), og kør: vagttavle agreement adopt FIL
cli-user-revoked = { $name } har ikke adgang længere.
cli-no-users = Ingen har adgang endnu. Begynd med: vagttavle user add NAVN --role coordinator --agreement ID
cli-revoked = uden adgang
cli-log-verified = Loggen er hel: { $records } hændelser og { $looks } opslag er regnet efter.
cli-backed-up = Loggen er kopieret til { $file }: { $records } hændelser.
cli-restored = Loggen er lagt i { $folder }: { $records } hændelser.
cli-no-log = Der er ingen log i { $folder }. Angiv mappen med --data MAPPE eller VAGTTAVLE_DATA.
cli-restore-not-empty = { $folder } har allerede en log. Gendan i en tom mappe.
cli-no-such-number = Ingen åben post har nummer { $number }. Se dem med: vagttavle list
cli-no-such-action = { $action } kan ikke gøres ved denne post. Der kan gøres: { $actions }
cli-bad-field = { $field } forstås ikke. Skriv navn=værdi; felterne er: { $fields }
cli-done = Gjort: { $number } { $state }
cli-note-waits = Omsorgssystemet svarer ikke. Teksten venter i serverens hukommelse.
cli-notes-lost = { $count ->
    [one] Et notat, der ventede på omsorgssystemet, blev ikke skrevet og er tabt. Skriv det i omsorgssystemet.
   *[other] { $count } notater, der ventede på omsorgssystemet, blev ikke skrevet og er tabt. Skriv dem i omsorgssystemet.
 }
cli-care-needed = ikke sat op: { $setting }. Uden den kan Nexus ikke bruges; skriv den i serverens indstillinger under [care].
cli-care-bad-address = { $setting } skal være en https-adresse (http kun på denne maskine).
cli-care-off = ikke sat op: omsorgssystemet (care.adapter). Navne vises ikke, og notater kan ikke skrives herfra.
cli-care-not-set-up = ikke sat op: { $what } ({ $setting })
cli-nothing-open = Intet er åbent.
cli-nothing-closed = Intet er afsluttet endnu.
cli-no-closed-such = Intet afsluttet passer på det, der er søgt efter.
cli-more-closed = Der er mere: tilføj --after { $after }
cli-log-damaged = Loggen er beskadiget ved { $at }: { $why }. Gem mappen, som den er, og læg den sidste gode kopi i en tom mappe: vagttavle restore FIL --data NY
cli-log-unavailable = Loggen kan ikke bruges nu: { $why }. Se efter disken og dens plads, og prøv igen.
cli-log-refused = Loggen åbnes ikke: { $why }
cli-failed = Det lykkedes ikke: { $why }
cli-doctor-good = i orden
cli-doctor-bad = ikke i orden
cli-demo-people = Borgere og medarbejdere er opdigtede. Intet gemmes.
cli-source = kilde
cli-contract = aftale { $clause }
cli-own-rule = egen regel
cli-care-system-shared = borgernes numre deles med de aftaler, der nævner samme omsorgssystem
cli-unset = ikke fastsat
cli-offer-demo = Tryk Enter for at se demoen (opdigtede borgere, intet gemmes). Skriv andet for at slutte.
# Fejl i en aftalefil.
mistake-syntax = filen kan ikke læses som TOML: { $message }
mistake-unknown-key = nøglen kendes ikke
mistake-missing-key = nøglen mangler
mistake-wrong-type = her skal stå { $expected ->
    [table] en tabel
    [list] en liste
    [text] en tekst i anførselstegn
    [number] et tal
    [yes-or-no] true eller false
    [date] en dato som 2026-11-01
   *[other] noget andet
 }
mistake-out-of-range = tallet skal være fra { $from } til { $to }
mistake-not-clock-time = her skal stå et klokkeslæt som 09:00
mistake-unknown-word = ordet kendes ikke
mistake-bad-text = teksten er tom, for lang eller har et tegn, der ikke må stå her
mistake-repeated = det står her to gange
mistake-no-value = skriv enten contract = … eller own = …
mistake-two-values = skriv kun én af contract og own
mistake-missing-clause = en aftalt værdi skal nævne sit punkt: clause = "…"
mistake-clause-of-own-rule = en egen regel har intet punkt i aftalen

# Filer, som serveren eller tavlen skal læse
file-trouble-missing = Filen { $file } findes ikke: opret den, eller ret stien.
file-trouble-forbidden = Filen { $file } må ikke læses: giv den bruger, som programmet kører under, læseret.
file-trouble-folder = { $file } er en mappe og ikke en fil: ret stien.
file-trouble-not-text = Filen { $file } er ikke tekst (UTF-8): det er nok den forkerte fil.
file-trouble-too-large = Filen { $file } er for stor: det er nok den forkerte fil.
file-trouble-open-to-others = Andre må læse { $file }. Kør: chmod 600 { $file }
file-trouble-empty-secret = Filen { $file } er tom: skriv hemmeligheden i den første linje.
file-trouble-care-agreement-twice = { $file }: aftalen { $what } står i agreements under to omsorgssystemer ([[care]]). Hver aftale har ét: lad den stå ét sted.
file-trouble-care-no-agreements-twice = { $file }: to omsorgssystemer ([[care]]) er uden agreements, og kun ét kan betjene de aftaler, som ingen nævner. Skriv agreements = ["AFTALE"] i det ene.
file-trouble-care-told-elsewhere = { $file }: { $what } står under et omsorgssystem ([[care]]), der ikke betjener den aftale. Flyt det til aftalens eget, eller ret agreements.

cli-witness-missing = Vidnet om loggen mangler: at der ikke mangler noget til sidst, kan ikke ses. Serveren laver et nyt og siger det på tavlen.

# Hvorfor loggen ikke kan åbnes eller bruges
store-why-network-disk = { $file } ligger på et netværksdrev ({ $kind }); brug en lokal disk
store-why-held = en anden server (proces { $process }) bruger { $file }; stop den først
store-why-open-to-others = andre må læse { $file }; kør: chmod { $rights } { $file }
store-why-witness-inside = vidnet må ikke ligge i datamappen: sæt witness til en anden mappe
store-why-file-exists = { $file } findes i forvejen; vælg et andet navn
store-why-newer-program = den er skrevet af et nyere program (tabellernes version { $version }); brug det
store-why-missing = { $file } findes ikke
store-why-forbidden = { $file } må ikke læses eller skrives; giv den bruger, som serveren kører under, ret til det
store-why-disk-full = der er ikke plads på disken ({ $file })
store-why-read-only = disken kan kun læses ({ $file })
store-why-disk = { $file } kan ikke læses eller skrives ({ $error })
