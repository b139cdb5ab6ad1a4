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
