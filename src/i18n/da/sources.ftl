# Kilder: hvordan de har det
source-heading = { $name } ({ $kind }):
source-heard = hørt for { $age } siden, ventes inden { $within }
source-awaited = endnu ikke hørt, ventes inden { $within }
source-heard-free = hørt { $clock }; ingen ventetid sat: tavshed ses ikke
source-never-free = aldrig hørt; ingen ventetid sat: tavshed ses ikke
source-missing = intet i { $age }
source-never = intet hørt siden { $clock }
source-expected = ventet inden { $within }
source-desks-open = en tavle er åben
source-desks-missing = INGEN TAVLE ÅBEN i { $age }
source-not-set-up = ikke sat op: { $what }
source-seconds = { $seconds } s
source-unreadable = ulæseligt: { $what }; senest { $clock }
source-times = { $what } ({ $count ->
    [one] 1 gang
   *[other] { $count } gange
  })
source-clock-ahead = kildens ur er { $length } foran vores
source-clock-behind = kildens ur er { $length } bagud for vores
source-many-missing = { $count } kilder mangler: { $names }
header-sources-ok = Kilder: alle hørt
header-sources-nearest = Kilder: alle hørt ({ $name } { $age } af { $within })
header-source-bad = { $name } { $state }
header-source-since = { $name } { $state } i { $length }

source-kind-desks = vagttavler
source-kind-escalation = tilkald af bagvagt
source-kind-canary = kanariefugl

# Hvad der mangler, når noget ikke er sat op
source-set-up-ami = [[ami]] i serverens indstillinger
source-set-up-scaip = [[scaip]] i serverens indstillinger
source-set-up-medcom = hospitalets beskeder til /v1/medcom
source-set-up-visits = [[visits]] i serverens indstillinger
source-set-up-care = [care] i serverens indstillinger
source-set-up-escalation = [escalation] i serverens indstillinger; ingen kaldes op, når ingen tager et nødkald
source-set-up-canary = [canary] i serverens indstillinger
source-set-up-nobody-listening-unset = nobody_listening_seconds i aftalen; ingen får at vide, at alle tavler er lukkede
source-set-up-no-token = kilden har intet token; kør: vagttavle user add NAVN --role source

trouble-silent = siger intet
trouble-unreadable = kan ikke læses
trouble-nobody-listening = ingen tavle er åben
trouble-key-reused = samme nøgle, andet indhold
trouble-failed = virker ikke
why-source-silent = Kilden siger intet
why-source-unreadable = Kilden kan ikke læses
why-source-nobody-listening = Ingen tavle er åben
why-source-key-reused = Kilden genbruger en nøgle
why-source-failed = Vores egen kontrol slog fejl

# Hvad præcist
trouble-what-not-json = ikke JSON
trouble-what-not-a-bundle = ingen FHIR-meddelelse
trouble-what-header-unreadable = meddelelsens hoved
trouble-what-no-message-header = meddelelse uden hoved
trouble-what-refused-content = afvist indhold
trouble-what-not-an-array = ingen liste
trouble-what-refused-item = observation afvist
trouble-what-bad-json = ikke JSON
trouble-what-body-too-large = for stor
trouble-what-body-too-slow = kom for langsomt
trouble-what-no-desk-open = ingen tavle er åben: nogen må åbne en og møde ind
# Hvad der præcist er galt med en kilde eller en række i en fil
trouble-row = linje { $line }: { $what }
trouble-rows = linje { $line } og { $more } til: { $what }
trouble-what-folder-missing = mappen findes ikke: opret den, eller ret stien i indstillingerne
trouble-what-folder-unreadable = mappen må ikke læses: giv serveren læse- og skriveret
trouble-what-cannot-delete = en læst fil kan ikke slettes: giv serveren skriveret til mappen
trouble-what-file-waits = en fil venter: den kan ikke tages ind nu, og der prøves igen
trouble-what-file-too-large = en fil er for stor; den er omdøbt til .unreadable
trouble-what-file-unreadable = en fil må ikke læses; den er omdøbt til .unreadable
trouble-what-empty-file = en fil er tom; den er omdøbt til .unreadable
trouble-what-is-workbook = en fil er et regneark: gem det som CSV; den er omdøbt til .unreadable
trouble-what-not-text = en fil er ikke tekst; den er omdøbt til .unreadable
trouble-what-no-visit-column = ingen kolonne med besøgets id: skriv den i oversættelsesfilen; filen er omdøbt til .unreadable
trouble-what-not-a-list = en JSON-fil er ikke en liste; den er omdøbt til .unreadable
trouble-what-missing-visit = besøgets id mangler
trouble-what-visit-is-cpr = besøgets id ligner et CPR-nummer
trouble-what-bad-visit = besøgets id kan ikke bruges
trouble-what-missing-citizen = borgeren mangler
trouble-what-bad-citizen = borgerens id kan ikke bruges
trouble-what-citizen-is-cpr = borgeren er et CPR-nummer, og intet omsorgssystem kan spørges
trouble-what-citizen-unknown = omsorgssystemet kender ikke borgeren
trouble-what-missing-help = hjælpens art mangler
trouble-what-unknown-help = ukendt hjælp: skriv ordet i oversættelsesfilen
trouble-what-missing-grant = bevillingens art mangler: skriv en i oversættelsesfilens [defaults]
trouble-what-unknown-grant = ukendt bevilling: skriv ordet i oversættelsesfilen
trouble-what-unknown-status = ukendt status: skriv ordet i oversættelsesfilen
trouble-what-missing-cancelled-by = det fremgår ikke, hvem der aflyste
trouble-what-unknown-cancelled-by = ukendt, hvem der aflyste: skriv ordet i oversættelsesfilen
trouble-what-missing-time = den aftalte tid mangler
trouble-what-bad-time = en tid kan ikke læses
trouble-what-missing-date = datoen mangler
trouble-what-bad-date = datoen kan ikke læses
trouble-what-bad-window = tidsvinduet kan ikke læses
trouble-what-in-future = noget er sket ude i fremtiden
trouble-what-too-old = besøget er mere end 30 dage gammelt
trouble-what-too-far-ahead = besøget er mere end et år ude i fremtiden
trouble-what-too-many-cells = flere celler end kolonner: mangler der anførselstegn?
trouble-what-cell-too-long = en celle er for lang
trouble-what-open-quote = et anførselstegn lukkes aldrig
trouble-what-too-many-rows = for mange rækker; resten er ikke læst
trouble-what-bad-value = en værdi er hverken tekst eller tal
trouble-what-cut-off = filen slutter midt i rækken
trouble-what-refused = blev afvist
cli-visits-unreadable = { $why }.
cli-visits-checked = { $good } rækker kan tages ind, { $bad } kan ikke; { $cpr } nævner borgeren ved CPR-nummer, som omsorgssystemet bliver spurgt om.
cli-visits-bad-rows = Ret rækkerne, eller skriv de manglende ord i oversættelsesfilen (--mapping FIL).
trouble-what-signature-needed = kilden underskriver ikke: den, der driver den, må sætte hemmeligheden ind
trouble-what-signature-malformed = underskriften er ikke skrevet rigtigt: den, der driver kilden, må rette det
trouble-what-signature-wrong = forkert underskrift: hemmeligheden er ikke den samme, eller nogen prøver sig frem
trouble-what-signature-out-of-time = kildens ur går forkert: den, der driver den, må stille det
trouble-what-signature-replayed = det samme blev sendt igen: en fejl hos kilden, eller nogen afspiller det
trouble-what-too-many-signatures = kilden sender for meget på én gang
cli-secret-too-short = Hemmeligheden i { $file } er for kort: mindst { $min } tegn. Lav en: openssl rand -hex 32
