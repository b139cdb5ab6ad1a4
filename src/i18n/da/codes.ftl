# Koder fra serveren: tilstande, valg og årsager

# Tavlens ord på en række
board-phone = Telefon
board-alarms = Nødkald
board-discharges = Udskr.
board-visits = Besøg
board-duties = Frist
board-sources = Kilde
board-shift = Vagt

# Tilstande
state-waiting = venter
state-answered = besvaret
state-answered-at-exchange = besv. central
state-talking-now = taler nu
state-talk-over = samtale slut
state-ended = slut
state-missed = ubesvaret
state-colleague = kollega
state-called-back = ringet tilbage
state-given-up = opgivet
state-became-alarm = blev nødkald
state-raised = ringer
state-technical = teknisk
state-test = prøve
state-claimed = taget
state-help-sent = hjælp sendt
state-nurse-called = sygepl. kaldt
state-doctor-called = læge kaldt
state-called-112 = 112 kaldt
state-arrived = hjælp fremme
state-closed = afsluttet
state-unanswered = ringet ud
state-redirected = viderestillet
state-justified = begrundet
state-admitted = indlagt
state-on-leave = på orlov
state-discharge-expected = hjem ventes
state-discharged = udskrevet
state-resumed = hjælp genoptaget
state-stopped = hjælp stoppet
state-dead = død
state-cancelled = aflyst
state-planned = planlagt
state-late = forsinket
state-early = for tidligt
state-contacted = kontaktet
state-not-reached = ikke truffet
state-moved = flyttet
state-replaced = erstattet
state-door-unanswered = ingen åbner
state-done = klaret
state-open = åben
state-silent = tavs
state-unreadable = ulæselig
state-failed = virker ikke
state-nobody-listening = ingen lytter

# Hvad der forfalder
due-answer = besvares
due-ring-out = ringer ud
due-claim = taget udløber
due-arrive = hjælp på stedet
due-justification = skriftlig begrundelse
due-call-back = ring tilbage
due-promise = lovet opkald
due-kept = slettes af listen
due-duty = frist

# Svar på et nødkald
response-own-help = egen hjælp
response-nurse = sygeplejerske
response-doctor = læge eller vagtlæge
response-112 = 112
helper-own-team = eget hold
helper-colleague = kollega
helper-neighbour-team = nabohold

outcome-helped = hjulpet
outcome-nothing-wrong = intet galt
outcome-false-alarm = fejlalarm
outcome-test = prøve
outcome-technical = teknisk
outcome-taken-to-hospital = kørt på sygehus
outcome-deceased = død
outcome-not-ours = ikke vores borger
outcome-passed-on = sendt videre

redirect-to-municipal-unit = kommunens enhed
redirect-to-back-up = bagvagt
redirect-to-other = andet sted
channel-care-system = omsorgssystemet
channel-secure-mail = sikker mail
channel-letter = brev
contest-was-answered = kaldet blev besvaret
contest-technical-fault = teknisk fejl
contest-not-ours = ikke vores borger
contest-municipality-mistake = fejl hos kommunen
trigger-pendant = halssmykke
trigger-bracelet = armbånd
trigger-pull-cord = snoretræk
trigger-fall = fald
trigger-smoke = røg
trigger-wander = dør eller vandring
trigger-manual = oprettet i hånden
trigger-call = telefonopkald
trigger-fixed-trigger = fast trykknap
trigger-panic = overfald
trigger-inactivity = ingen bevægelse
trigger-bed = seng
trigger-epilepsy = epilepsi
trigger-gas = gas
trigger-heat = varme
trigger-carbon-monoxide = kulilte
trigger-flood = vand
trigger-tracker = sporing
trigger-alarm-unit = nødkaldsapparat
trigger-battery = batteri
trigger-link-lost = forbindelse væk
trigger-link-back = forbindelse tilbage
trigger-mains-lost = strøm væk
trigger-mains-back = strøm tilbage
trigger-normal = normal igen
trigger-presence = tilstedeværelse
trigger-reset = nulstillet
trigger-tamper = apparatet er åbnet
trigger-device-silent = enheden er tavs
trigger-unreadable = ULÆSELIGT nødkald

# Rettelser
correct-response = svaret
correct-arrival = ankomsten
correct-outcome = udfaldet
correct-redirect = viderestillingen
correct-unanswered = at det ringede ud
correct-justification = begrundelsen
correct-call-back = tilbagekaldet
correct-give-up = at det blev opgivet
correct-agreement = kommunen
correction-wrong-entry = forkert post
correction-typing-mistake = slåfejl
correction-new-information = nyt er kommet frem

# Telefon
missed-hung-up = lagde på
missed-timeout = ventede for længe
missed-no-agent = ingen ved telefonen
give-up-no-number = intet nummer
give-up-reached-otherwise = truffet på anden vis
give-up-wrong-number = forkert nummer
give-up-not-reachable = kan ikke træffes
give-up-duplicate = samme opkald to gange
give-up-kept-period-over = stod for længe

# Frister
duty-action-plan = handlingsplan
duty-justification = begrundelse
duty-documentation = dokumentér samtale
duty-hospital-messages = gennemgå sygehusbeskeder
duty-follow-up = opfølgning
postpone-waiting-for-municipality = venter på kommunen
postpone-waiting-for-colleague = venter på kollega
postpone-by-agreement = efter aftale
postpone-busy-night = travl nat

# Kilder
source-state-ok = hørt
source-state-late = sen
source-state-silent = tavs
source-state-off = slukket

# Roller
role-coordinator = vagtkoordinator
role-leader = teamleder
role-viewer = kun læsning
role-source = kilde
# Hvad omsorgssystemet kan sættes op til
care-ability-citizens = hvem en borger er, ud fra vores eget nummer
care-ability-devices = hvem et kaldeapparat står hos
care-ability-notes = notater til omsorgssystemet
care-ability-lists = adviser og udskrivninger fra aktivitetslister
care-ability-visits = planlagte besøg
care-ability-visit-starts = hvornår et besøg begyndte; det er kun forsinket, når nogen siger det
care-ability-pause = pause og genoptagelse af en borger
