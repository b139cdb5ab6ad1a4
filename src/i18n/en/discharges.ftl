# Discharges
action-discharges-assessors-told = assessors told us
field-expected_at = Expected home
field-told_by = Told by
field-step = Step
field-steps = Steps done
field-skipped = Steps left out because
field-done = Done
field-told = Told before
field-citizen = Citizen
field-same_as = Same as no.
action-discharges-join = same stay as
action-notify = tell the municipality at once
due-resume = help resumed
due-expected = expected home

teller-hospital = the hospital
teller-nurse = the municipal nurse
teller-assessors = the assessors
teller-citizen = the citizen
teller-relative = a relative
teller-care-system = the care system
teller-colleague = a colleague

stop-dead = the citizen is dead
stop-moved = the citizen has moved
stop-care-home = care home
stop-declined = the citizen declines
stop-other-provider = another provider
stop-not-ours = not our citizen
stop-back-in-hospital = still in hospital
stop-joined = the same stay as another entry
stop-taken-back = said by mistake

step-visits-planned = visits planned
step-groceries = groceries
step-medicine = medicine
step-aids = aids
step-key = key
step-citizen-phoned = citizen phoned

setting-inpatient = inpatient
setting-acute-outpatient = acute outpatient
stay-fact-admitted = admission
stay-fact-leave-started = leave
stay-fact-leave-ended = back from leave
stay-fact-discharged = discharge
stay-fact-died = death

correct-notice = that it is to be told
correct-resumption = that help was resumed
correct-stop = that help was stopped
correct-assessors-told = what the assessors told

why-discharged = Discharged, help not resumed
why-comes-home = Comes home
why-home-by-now = Should be home by now
why-never-admitted = The admission was taken back: was anybody skipped?
why-dead = Dead: help must stop
why-ask-assessors = Did the assessors tell before the admission?
why-admitted-planned = Planned admission: report cancelled visits
why-admitted = In hospital
why-on-leave = On leave: help does not start
why-resumed = Help is resumed
why-discharge-cancelled = THE DISCHARGE WAS TAKEN BACK, and help runs
why-admitted-again = ADMITTED AGAIN, and help runs
why-death-cancelled = THE DEATH WAS TAKEN BACK
why-duty-start-of-help = Practical help must begin
why-duty-agree-time = A new citizen must have a time agreed
why-duty-immediate-notice = The municipality must be told at once
why-duty-notice-taken-back = TAKEN BACK, and the municipality was told: tell them so
duty-start-of-help = begin practical help
duty-agree-time = agree a time,
duty-immediate-notice = report
duty-notice-taken-back = taken back: tell the municipality,
fact-begun-short = begun

matter-not-found = citizen not found
matter-admission = admission
matter-death = death
matter-cancelled-activities = cancelled visit
matter-accident = accident
matter-serious-neglect = neglect
matter-abuse = abuse
matter-unserved-citizen = another citizen
matter-irregularity = irregularity

told-to-assessors = the assessors
told-to-nurse = the nurse on duty
told-to-municipal-unit = the municipal unit
told-to-office = the municipal office
told-to-care-system = in the care system
fact-told-to = Told
fact-municipality-told = Municipality
fact-told-untrue = NOT SO: tell the municipality

next-do-start-of-help = Begin help
next-do-agree-time = Agree
next-do-immediate-notice = Tell them
next-do-notice-taken-back = Tell them
next-resume = Resume
next-prepare = Prepare
next-stop = Stop help
next-stop-help-again = Stop again
next-resume-or-look = Resume
next-assessors-told = Answer
next-report-to-assessors = Report

kind-discharges-opened = stay opened
kind-discharges-joined = found in a hospital message
kind-discharges-admitted = admitted
kind-discharges-leave-started = on leave
kind-discharges-leave-ended = back from leave
kind-discharges-discharge-expected = expected home
kind-discharges-discharged = discharged
kind-discharges-died = dead
kind-discharges-fact-corrected = the hospital corrected
kind-discharges-fact-cancelled = the hospital took back
kind-discharges-resumed = help resumed
kind-discharges-stopped = help stopped
kind-discharges-step-ticked = step
kind-discharges-assessors-told = asked about the assessors
kind-discharges-corrected = corrected

# The board and the entry
column-since = Since
column-told-by = From
column-ready = Ready
fact-by-our-word = our own people
fact-by-telephone = telephone
fact-may-be-same = May be same
fact-may-be-same-says = { $name }: if it is the same stay, join them in the menu
fact-steps = { $done }/{ $all }
fact-upset = News
fact-stay = Stay
fact-planned = planned
fact-acute = acute
fact-admitted = Admitted
fact-department = Department
fact-on-leave = On leave
fact-expected-home = Expected home
fact-told = told by { $who } { $clock }
fact-discharged = Discharged
fact-died = Died
fact-corrections = Corrected
fact-steps-done = Done
fact-steps-missing = Missing
fact-assessors = Assessors
fact-assessors-told = told us before the admission
fact-assessors-silent = did not tell us before the admission
fact-assessors-asked = did they tell us before the admission? Answer in the menu
fact-wasted = { $count ->
    [0] the first day's visits are wasted
    [one] 1 visit of that day is wasted
   *[other] { $count } visits of that day are wasted
  }
fact-report = Cancellations
fact-report-says = are reported to the assessors,
fact-groceries = Groceries
fact-groceries-says = the citizen may need acute help to receive them,
fact-resumed = Resumed
fact-stopped = Stopped
upset-short-discharge-cancelled = help runs
upset-short-admitted-again = help runs
upset-short-death-cancelled = not dead
detail-known = Known since
action-discharges-still-there = still there
due-still-there = no word
kind-discharges-still-there = still there, the hospital says
why-moved-elsewhere = Admitted elsewhere since: moved?
why-no-word = Not a word for 48 hours: moved?
why-still-away = Taken to hospital, not a word since: still there?
next-ask-still-there = Still there?
next-ask-moved = Moved?
fact-elsewhere = Moved?
fact-elsewhere-says = { $name } is the same citizen: ring the hospital, and join them in the menu
fact-odd = Odd
fact-odd-stay = by its times it ends before it begins: a clock is wrong; the end stands
