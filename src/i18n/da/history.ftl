# Borgerens historik
keys-history = borgerens historik
notice-no-citizen = Det vides ikke, hvilken borger posten handler om.
history-title = Historik: { $citizen }
history-ask = Hvad skal historikken bruges til? Opslaget bliver logført.
history-fetching = Hentes …
history-failed = Historikken kunne ikke hentes. Luk, og prøv igen om lidt.
history-heading = { $count ->
    [one] 1 post
   *[other] { $count } poster
  }, nyeste først · formål: { $purpose } · logført
history-empty = Loggen har intet om borgeren under dine aftaler.
history-all = Det er alt i loggen under dine aftaler.
history-more = Ældre poster er ikke vist her.
history-until = slut { $clock }
history-open = åben
purpose-duty = vagten nu
purpose-handover = vagtskifte
purpose-follow-up = opfølgning
purpose-complaint = klage
purpose-inspection = tilsyn
