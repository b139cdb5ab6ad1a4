# Udskrivninger
action-discharges-assessors-told = visitationen sagde det
field-expected_at = Ventes hjem
field-told_by = Sagt af
field-step = Trin
field-steps = Gjorte trin
field-skipped = Trin udeladt, fordi
field-done = Gjort
field-told = Sagde de det før
field-citizen = Borger
field-same_as = Samme som nr.
action-discharges-join = samme ophold som
action-notify = meld straks til kommunen
due-resume = hjælp genoptages
due-expected = ventes hjem

teller-hospital = sygehuset
teller-nurse = kommunens sygeplejerske
teller-assessors = visitationen
teller-citizen = borgeren
teller-relative = pårørende
teller-care-system = omsorgssystemet
teller-colleague = kollega

stop-dead = borgeren er død
stop-moved = borgeren er flyttet
stop-care-home = plejehjem
stop-declined = borgeren vil ikke
stop-other-provider = anden leverandør
stop-not-ours = ikke vores borger
stop-back-in-hospital = stadig på sygehus
stop-joined = samme ophold som en anden post
stop-taken-back = sagt ved en fejl

step-visits-planned = besøg planlagt
step-groceries = dagligvarer
step-medicine = medicin
step-aids = hjælpemidler
step-key = nøgle
step-citizen-phoned = borger ringet op

setting-inpatient = indlagt
setting-acute-outpatient = akut ambulant
stay-fact-admitted = indlæggelse
stay-fact-leave-started = orlov
stay-fact-leave-ended = tilbage fra orlov
stay-fact-discharged = udskrivning
stay-fact-died = død

correct-notice = at det skal meldes
correct-resumption = at hjælpen blev genoptaget
correct-stop = at hjælpen blev stoppet
correct-assessors-told = hvad visitationen sagde

why-discharged = Udskrevet, hjælpen er ikke genoptaget
why-comes-home = Kommer hjem
why-home-by-now = Skulle være hjemme nu
why-never-admitted = Indlæggelsen er taget tilbage: er nogen sprunget over?
why-dead = Død: hjælpen skal stoppes
why-ask-assessors = Sagde visitationen det før indlæggelsen?
why-admitted-planned = Planlagt indlagt: meld afbud til visitationen
why-admitted = Indlagt
why-on-leave = På orlov: hjælpen begynder ikke
why-resumed = Hjælpen er genoptaget
why-discharge-cancelled = UDSKRIVNINGEN ER TAGET TILBAGE, og hjælpen kører
why-admitted-again = INDLAGT IGEN, og hjælpen kører
why-death-cancelled = DØDSFALDET ER TAGET TILBAGE
why-duty-start-of-help = Praktisk hjælp skal begynde
why-duty-agree-time = En ny borger skal have en tid aftalt
why-duty-immediate-notice = Kommunen skal have besked straks
why-duty-notice-taken-back = TAGET TILBAGE, og kommunen har fået det at vide: sig det
duty-start-of-help = begynd praktisk hjælp
duty-agree-time = aftal tid,
duty-immediate-notice = meld
duty-notice-taken-back = taget tilbage: sig det til kommunen,
fact-begun-short = begyndt

matter-not-found = borger ikke fundet
matter-admission = indlæggelse
matter-death = dødsfald
matter-cancelled-activities = aflyst besøg
matter-accident = ulykke
matter-serious-neglect = svigt
matter-abuse = overgreb
matter-unserved-citizen = en anden borger
matter-irregularity = uregelmæssighed

told-to-assessors = visitationen
told-to-nurse = sygeplejersken i vagt
told-to-municipal-unit = kommunens enhed
told-to-office = forvaltningen
told-to-care-system = i omsorgssystemet
fact-told-to = Sagt til
fact-municipality-told = Kommunen ved
fact-told-untrue = IKKE SANDT: sig det til kommunen

next-do-start-of-help = Begynd hjælp
next-do-agree-time = Aftal tid
next-do-immediate-notice = Meld det
next-do-notice-taken-back = Sig det
next-resume = Genoptag
next-prepare = Gør klar
next-stop = Stop hjælpen
next-stop-help-again = Stop igen
next-resume-or-look = Genoptag
next-assessors-told = Svar
next-report-to-assessors = Meld afbud

kind-discharges-opened = ophold åbnet
kind-discharges-joined = fundet i sygehusets besked
kind-discharges-admitted = indlagt
kind-discharges-leave-started = på orlov
kind-discharges-leave-ended = tilbage fra orlov
kind-discharges-discharge-expected = ventes hjem
kind-discharges-discharged = udskrevet
kind-discharges-died = død
kind-discharges-fact-corrected = sygehuset rettede
kind-discharges-fact-cancelled = sygehuset tog tilbage
kind-discharges-resumed = hjælp genoptaget
kind-discharges-stopped = hjælp stoppet
kind-discharges-step-ticked = trin
kind-discharges-assessors-told = spurgt om visitationen
kind-discharges-corrected = rettet

# Tavlen og posten
column-since = Siden
column-told-by = Fra
column-ready = Klar
fact-by-our-word = egne folk
fact-by-telephone = telefonisk
fact-may-be-same = Måske samme
fact-may-be-same-says = { $name }: er det samme ophold, så saml dem i menuen
fact-steps = { $done } af { $all }
fact-upset = Nyt
fact-stay = Ophold
fact-planned = planlagt
fact-acute = akut
fact-admitted = Indlagt
fact-department = Afdeling
fact-on-leave = På orlov
fact-expected-home = Ventes hjem
fact-told = sagt af { $who } { $clock }
fact-discharged = Udskrevet
fact-died = Død
fact-corrections = Rettet
fact-steps-done = Gjort
fact-steps-missing = Mangler
fact-assessors = Visitationen
fact-assessors-told = sagde det før indlæggelsen
fact-assessors-silent = sagde det ikke før indlæggelsen
fact-assessors-asked = sagde de det før indlæggelsen? Svar i menuen
fact-wasted = { $count ->
    [0] første dags besøg er forgæves gang
    [one] 1 besøg den dag er forgæves gang
   *[other] { $count } besøg den dag er forgæves gang
  }
fact-report = Afbud
fact-report-says = meldes til visitationen,
fact-groceries = Dagligvarer
fact-groceries-says = borgeren kan have akut brug for hjælp til at tage imod dem,
fact-resumed = Genoptaget
fact-stopped = Stoppet
upset-short-discharge-cancelled = hjælp kører
upset-short-admitted-again = hjælp kører
upset-short-death-cancelled = ikke død
detail-known = Kendt siden
action-discharges-still-there = er der endnu
due-still-there = intet hørt
kind-discharges-still-there = er der endnu, siger sygehuset
why-moved-elsewhere = Indlagt et andet sted siden: flyttet?
why-no-word = Intet hørt i 48 timer: flyttet?
why-still-away = Kørt til sygehus, intet hørt: stadig indlagt?
next-ask-still-there = Stadig der?
next-ask-moved = Flyttet?
fact-elsewhere = Flyttet?
fact-elsewhere-says = { $name } er samme borger: ring til sygehuset, og saml dem i menuen
fact-odd = Sært
fact-odd-stay = slutter efter tiderne, før det begynder: et ur går forkert; slutningen gælder
