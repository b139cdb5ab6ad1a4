# Fælles for alle tavler
common-held-by = hos { $name }
common-me = dig
common-nobody = –
common-unknown = ?
common-yes = ja
common-no = nej
common-pending = sender
common-unstored = IKKE GEMT
common-own-rule = egen regel
common-unset = ikke fastsat
common-clause = pkt. { $clause }
common-stale = FORÆLDET siden { $clock }: det viste kan være ændret. Prøver selv igen.
banner-log-loading = LOGGEN LÆSES: nødkald ringer som IKKE GEMT, resten vises om lidt
banner-disk-slow = DISKEN SVARER IKKE: nødkald ringer som IKKE GEMT, intet kvitteres
banner-log-away = LOGGEN KAN IKKE SKRIVES: nødkald ringer som IKKE GEMT, intet kvitteres
banner-log-damaged = LOGGEN ER BESKADIGET: nødkald ringer som IKKE GEMT, intet gemmes
banner-from-log-damaged = LOGGEN ER BESKADIGET fra nr. { $from }: nødkald ringer, intet gemmes
banner-span-log-damaged = LOGGEN ER BESKADIGET, nr. { $from } til { $to }: nødkald ringer, intet gemmes
common-connecting = Venter på serveren …
common-synthetic = opdigtede borgere
common-hidden = skjult
common-people-hidden = navne skjult
common-read-only = kun læsning
common-number = Nr { $number }
common-of = { $count } af { $of }
common-more = og { $count } til
common-times = { $happened } (skrevet { $recorded })

# Lister
column-mark = !
column-number = Nr
column-board = Tavle
column-state = Tilstand
column-age = Alder
column-due = Frist
column-holder = Hos
column-agreement = Kommune
column-next = Næste
column-citizen = Borger
column-waited = Ventet
column-caller = Opkalder
column-reason = Årsag
column-promise = Lovet
column-what = Hvad
list-empty = Intet åbent her.
list-empty-filter = Intet passer på søgningen. Esc rydder den.
list-filter = Søg: { $text }
list-empty-discharges = Ingen er indlagt eller på vej hjem. Ringer nogen om en udskrivning, åbner { $key } den.
list-empty-visits = Ingen besøg er planlagt eller afviger. Planen kommer fra omsorgssystemet.
list-more-above = ↑ { $count } værre
list-more-below = ↓ { $count } til
list-more-planned = og { $count } planlagte besøg mere: show NUMMER viser et
list-more-searched = { $count } planlagte mere ved søgning
list-searching = Søger …

# Hovedet
header-on-call = I vagt: { $names }
header-nobody-on-call = INGEN er mødt ind
header-away = { $name } (væk)
header-alarms = Nødkald { $open }
header-alarms-ringing = Nødkald { $open }, { $ringing } RINGER
header-alarms-rung-out = Nødkald { $open }, { $out } RINGET UD
header-alarms-both = Nødkald { $open }, { $ringing } RINGER, { $out } RINGET UD
header-calls = Opkald { $waiting } venter, { $missed ->
    [one] 1 ubesvaret
   *[other] { $missed } ubesvarede
  }
header-calls-short = Tlf { $waiting } venter, { $missed } ubesv.
header-deadlines = Frister { $count }
header-deadlines-over = Frister { $count }, { $over } OVERSKREDET
header-deadlines-next = Frister { $count }, næste { $countdown }
header-queue-nobody = INGEN tager { $queue }
header-queue-nobody-waiting = INGEN tager { $queue }: { $count } venter
header-queue = { $queue }: { $duty } på
header-queue-paused = { $queue }: { $duty } på, { $paused } pause
header-notes-waiting = { $count ->
    [one] 1 notat venter
   *[other] { $count } notater venter
  }
header-ledger = Viderestillinger { $agreement } { $used } af { $limit }
header-ledger-short = Viderest. { $agreement } { $used } af { $limit }
header-ledger-clears = Viderestillinger { $agreement } { $used } af { $limit }, falder ud { $day }
header-ledger-plan = HANDLINGSPLAN
header-answering = Besvaret { $board } { $agreement }: { $count } af { $of } inden { $seconds } s
header-misses-left = { $misses ->
    [0] 0 må glippe
    [one] 1 må glippe
   *[other] { $misses } må glippe
  }
header-goal-broken = { $misses ->
    [one] 1 for meget glippet
   *[other] { $misses } for mange glippet
  }
header-goal = mål { $percent }

# Besked nederst
notice-refused = { $what }: { $why }
notice-done = { $what }: gjort.
notice-gone = { $number } er lukket eller ude af syne. Intet er sendt.
notice-changed = { $number } blev ændret imens. Se den igen. Intet er sendt.
notice-held = Den valgte post forsvandt. Nu er { $number } valgt. Tryk igen, hvis det er den.
notice-note-waits = Omsorgssystemet svarer ikke. Notatet venter i serverens hukommelse og sendes af sig selv.
notice-paste-ignored = Indsat tekst er ikke brugt: intet felt er åbent.
notice-unfinished-answer = Terminalen sendte noget, der aldrig blev færdigt. Det er smidt væk.
notice-unfinished-paste = Den indsatte tekst kom ikke hel igennem og er smidt væk. Sæt den ind igen.
notice-put-aside = Det, du skrev, er lagt til side: { $key } henter det igen.
notice-doubted = Terminalen sendte tegn, ingen har tastet. Intet er gjort: tryk igen om lidt, hvis det er dig.
notice-no-job-control = Tavlen kan ikke sættes på pause her: ingen terminal kan hente den frem igen.
notice-nothing-chosen = Ingen post er valgt.
notice-not-here = Det kan ikke gøres ved denne post.
notice-read-only = Kun læsning: intet kan ændres herfra.
notice-copied = Nummeret er kopieret.
notice-nothing-to-copy = Der er intet nummer at kopiere.
notice-nothing-to-search = Her er ingen poster at søge i. Gå til en tavle først.
notice-new-alarm = NYT NØDKALD { $number }: tryk { $key }
notice-sending = Sender: { $what }
notice-link = Forbindelsen: { $why }

# Ring ud
cost-next = Ringer { $number } ud: viderestilling { $next } af { $limit }, { $agreement }
cost-next-short = Ringer { $number } ud
cost-this = Det bliver viderestilling { $next } af { $limit }, { $agreement }
cost-plan = HANDLINGSPLAN kræves
cost-breach = kan blive væsentlig misligholdelse

# For lille skærm
small-screen = Skærmen er { $width }x{ $height }. Vagttavlen skal bruge { $needed-width }x{ $needed-height }.
small-alarms = { $open ->
    [0] Ingen nødkald.
   *[other] Nødkald { $open }, { $ringing } RINGER
  }

title-bar = Vagttavle
title-bar-alarms = Vagttavle: nødkald { $alarms }, { $ringing } ringer
desktop-notice = { $ringing ->
    [one] 1 nødkald ringer
   *[other] { $ringing } nødkald ringer
  }
