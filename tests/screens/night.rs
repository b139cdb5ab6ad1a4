//! A night with invented people: boards to look at.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use vagttavle::domain::agreement::Matter;
use vagttavle::domain::duties::DutyKind;
use vagttavle::protocol::attention;
use vagttavle::protocol::board::BoardSnapshot;
use vagttavle::protocol::entry::{EntryView, HistoryLine};
use vagttavle::protocol::stream::Recorded;
use vagttavle::protocol::{Entry, StreamItem};

/// Sunday 22 November 2026, 03:12:40 in Copenhagen.
pub fn now() -> DateTime<Utc> {
    "2026-11-22T02:12:40Z".parse().unwrap()
}

pub fn ago(seconds: i64) -> DateTime<Utc> {
    now() - Duration::seconds(seconds)
}

pub fn ahead(seconds: i64) -> DateTime<Utc> {
    now() + Duration::seconds(seconds)
}

fn id(number: u32) -> String {
    format!("00000000-0000-7000-8000-{number:012}")
}

pub fn action(verb: &str, fields: Value, confirm: bool) -> Value {
    json!({ "type": verb, "fields": fields, "confirm": confirm })
}

fn code(name: &str, codes: &[&str]) -> Value {
    json!({ "name": name, "kind": "code", "required": true, "codes": codes })
}

fn common(board: &str, held: bool) -> Vec<Value> {
    let holder = json!({ "status": 409, "code": "already-claimed", "holder": "bo", "since": ago(130) });
    let nobody = json!({ "status": 422, "code": "not-claimed" });
    let mut claim = action(&format!("{board}.claim"), json!([]), false);
    let mut take_over = action(&format!("{board}.take-over"), json!([]), false);
    let mut release = action(&format!("{board}.release"), json!([]), false);
    if held {
        claim["refused"] = holder;
        release["refused"] = json!({ "status": 409, "code": "not-yours", "holder": "bo" });
    } else {
        take_over["refused"] = nobody.clone();
        release["refused"] = nobody;
    }
    let text = json!([{ "name": "text", "kind": "text", "required": true }]);
    let to = json!([{ "name": "to", "kind": "entry", "required": true }]);
    vec![
        claim,
        take_over,
        release,
        action(&format!("{board}.note"), text, false),
        action(&format!("{board}.link"), to, false),
    ]
}

fn alarm_actions(held: bool, state: Option<&str>) -> Vec<Value> {
    let with = json!([
        code("with", &["own-help", "nurse", "doctor", "112"]),
        { "name": "helper", "kind": "code", "codes": ["own-team", "colleague", "neighbour-team"] },
    ]);
    let outcomes = [
        "helped",
        "nothing-wrong",
        "false-alarm",
        "test",
        "technical",
        "taken-to-hospital",
        "deceased",
        "not-ours",
    ];
    let mut arrive = action("alarms.arrive", json!([]), false);
    arrive["refused"] = json!({ "status": 422, "code": "wrong-state", "state": "raised" });
    let sent = json!([
        code("channel", &["care-system", "secure-mail", "letter"]),
        { "name": "reference", "kind": "reference" },
        { "name": "text", "kind": "text" },
    ]);
    let mut actions = vec![
        action("alarms.respond", with, false),
        arrive,
        action("alarms.close", json!([code("outcome", &outcomes)]), true),
        action("alarms.redirect", json!([code("to", &["municipal-unit", "back-up", "other"])]), true),
        action("alarms.justify.begin", json!([]), false),
        action("alarms.justify.sent", sent, false),
    ];
    if let Some(state) = state {
        for action in &mut actions[..4] {
            action["refused"] = json!({ "status": 422, "code": "wrong-state", "state": state });
        }
    } else {
        for action in &mut actions[4..6] {
            action["refused"] = json!({ "status": 422, "code": "justification-not-owed" });
        }
    }
    actions.extend(common("alarms", held));
    if held {
        // Who has it has spoken with the citizen.
        actions.push(action("alarms.documented", json!([]), false));
    }
    actions
}

fn phone_actions() -> Vec<Value> {
    let back = json!([
        { "name": "reached", "kind": "yes", "required": true },
        { "name": "promise_at", "kind": "time" },
    ]);
    let reasons = ["no-number", "reached-otherwise", "wrong-number", "not-reachable", "duplicate"];
    let mut actions = vec![
        action("phone.answer", json!([]), false),
        action("phone.call-back", back, false),
        action("phone.documented", json!([]), false),
        action("phone.give-up", json!([code("reason", &reasons)]), true),
        action(
            "phone.assign",
            json!([{ "name": "agreement", "kind": "agreement", "required": true, "codes": ["jammerbugt", "norddjurs"] }]),
            false,
        ),
    ];
    actions.extend(common("phone", false));
    actions
}

/// An entry made of `parts` laid over a plain one.
fn entry(number: u32, board: &str, state: &str, opened_at: DateTime<Utc>, parts: Value) -> Entry {
    let mut entry = json!({
        "id": id(number), "number": number, "state": state, "version": 1,
        "opened_at": opened_at, "recorded_at": opened_at, "board": board,
        "attention": { "level": "none", "why": "over", "next": "nothing" },
    });
    for (name, value) in parts.as_object().unwrap() {
        entry[name] = value.clone();
    }
    let mut entry: Entry = serde_json::from_value(entry).unwrap();
    entry.attention = attention(&entry, now());
    entry
}

fn alarm_details(number: u32) -> Value {
    json!({ "alarm": format!("a-{number}"), "device": format!("dev-{number}"), "trigger": "pendant",
            "technical": false, "test": false, "signals": 1 })
}

/// Rings since 45 seconds; would be the second redirect.
pub fn ringing(number: u32) -> Entry {
    entry(
        number,
        "alarms",
        "raised",
        ago(45),
        json!({
            "agreement": "jammerbugt", "citizen": "c-1", "details": alarm_details(number), "actions": alarm_actions(false, None),
            "due": [{ "what": "ring-out", "at": ahead(135) }],
            "live": { "name": "Ellen Prøve", "address": "Testvej 3, 9440 Aabybro", "phone": "00 00 00 01",
                      "key_box": "boks ved bagdøren", "text": "Halssmykke trykket" },
        }),
    )
}

/// Held by bo, not yet responded to.
pub fn claimed(number: u32) -> Entry {
    entry(
        number,
        "alarms",
        "claimed",
        ago(300),
        json!({
            "agreement": "norddjurs", "citizen": "c-2", "details": alarm_details(number), "actions": alarm_actions(true, None),
            "holder": { "name": "bo", "since": ago(130), "until": ahead(770) },
            "due": [{ "what": "claim", "at": ahead(770) }],
            "live": { "name": "Aage Eksempel", "address": "Prøvegade 14, 8500 Grenaa" },
        }),
    )
}

/// Help is on its way and late.
pub fn help_late(number: u32) -> Entry {
    let mut details = alarm_details(number);
    details["response"] = json!("own-help");
    details["responded_at"] = json!(ago(1_950));
    details["helper"] = json!("own-team");
    details["signals"] = json!(3);
    entry(
        number,
        "alarms",
        "help-sent",
        ago(2_050),
        json!({
            "agreement": "jammerbugt", "details": details, "actions": alarm_actions(true, None),
            "holder": { "name": "anna", "since": ago(2_000), "until": ahead(60) },
            "due": [{ "what": "arrive", "at": ago(130) }],
            "live": { "look": { "place": "device", "source": "tryghed", "id": "dev-7", "at": ago(2_050) } },
        }),
    )
}

/// Rang out yesterday; the justification is owed.
pub fn redirected(number: u32) -> Entry {
    let mut details = alarm_details(number);
    details["unanswered_at"] = json!(ago(90_000));
    details["redirected_at"] = json!(ago(89_950));
    details["redirected_to"] = json!("municipal-unit");
    details["justification"] = json!({
        "started_at": ago(90_000), "due_at": ago(90_000) + Duration::days(7), "clause": "3.1.13", "late": false,
    });
    entry(
        number,
        "alarms",
        "redirected",
        ago(90_180),
        json!({
            "agreement": "jammerbugt", "details": details, "actions": alarm_actions(false, None),
            "due": [{ "what": "justification", "at": ago(90_000) + Duration::days(7), "clause": "3.1.13" }],
        }),
    )
}

pub fn technical(number: u32) -> Entry {
    let mut details = alarm_details(number);
    details["technical"] = json!(true);
    entry(
        number,
        "alarms",
        "raised",
        ago(7_300),
        json!({
            "agreement": "norddjurs", "details": details,
            "actions": [
                action("alarms.technical.done", json!([]), false),
                action("alarms.assign", json!([{ "name": "agreement", "kind": "agreement", "required": true }]), false),
            ],
        }),
    )
}

pub fn waiting(number: u32) -> Entry {
    entry(
        number,
        "phone",
        "waiting",
        ago(72),
        json!({
            "candidates": ["jammerbugt", "norddjurs"], "actions": phone_actions(),
            "details": { "call": "1795313560.4", "queue": "doegnvagt", "rank": "event", "attempts": 0, "documented": false },
            "due": [{ "what": "answer", "at": ago(12) }],
            "live": { "caller": "00 00 00 42", "caller_name": "Test Testesen" },
        }),
    )
}

pub fn missed(number: u32, seconds_ago: i64, promised: bool) -> Entry {
    let promise = promised.then(|| ahead(1_500));
    let mut due = vec![json!({ "what": "call-back", "at": ago(seconds_ago) + Duration::minutes(15) })];
    due.extend(promise.map(|at| json!({ "what": "promise", "at": at })));
    entry(
        number,
        "phone",
        "missed",
        ago(seconds_ago + 31),
        json!({
            "agreement": "jammerbugt", "actions": phone_actions(),
            "details": { "call": format!("17953135{number:02}.1"), "queue": "doegnvagt", "rank": "log", "attempts": u32::from(promised),
                         "documented": false, "missed_at": ago(seconds_ago), "reason": "hung-up", "promise_at": promise },
            "due": due,
            "live": { "look": { "place": "exchange-call", "source": "central", "id": format!("17953135{number:02}.1"), "at": ago(seconds_ago) } },
        }),
    )
}

pub fn duty(number: u32, kind: &str, due: Option<DateTime<Utc>>) -> Entry {
    let done = json!([{ "name": "reference", "kind": "reference" }]);
    let postpone = json!([
        { "name": "until", "kind": "time", "required": true },
        code("reason", &["waiting-for-municipality", "by-agreement"]),
    ]);
    let mut actions = vec![action("duties.done", done, false), action("duties.postpone", postpone, false)];
    actions.extend(common("duties", false));
    let due: Vec<Value> = due.map(|at| json!({ "what": "duty", "at": at })).into_iter().collect();
    entry(
        number,
        "duties",
        "open",
        ago(8_000),
        json!({
            "agreement": "jammerbugt", "actions": actions, "due": due,
            "details": { "duty": kind, "about_number": 5, "owner": "anna", "late": false, "postponed": 0 },
        }),
    )
}

/// An admission that the municipality is to be told of at once.
pub fn told_at_once(number: u32) -> Entry {
    let mut entry = duty(number, "immediate-notice", Some(ahead(3_100)));
    entry.due[0].clause = Some("3.2".into());
    if let vagttavle::protocol::Details::Duties(duty) = &mut entry.details {
        duty.owner = None;
        duty.matter = Some(Matter::Admission);
        duty.clause = Some("3.2".into());
    }
    let fields = json!([
        code("to", &["assessors", "nurse", "municipal-unit", "office", "care-system"]),
        { "name": "told_at", "kind": "time" },
        { "name": "reference", "kind": "reference" },
    ]);
    entry.actions[0] = serde_json::from_value(action("duties.done", fields, false)).unwrap();
    entry.attention = vagttavle::protocol::attention(&entry, now());
    entry
}

/// The admission was told, and then the hospital took it back.
pub fn told_what_was_not_so(number: u32) -> Entry {
    let mut entry = told_at_once(number);
    if let vagttavle::protocol::Details::Duties(duty) = &mut entry.details {
        duty.duty = DutyKind::NoticeTakenBack;
    }
    entry.attention = vagttavle::protocol::attention(&entry, now());
    entry
}

/// An admission that never was; the municipality believes in it.
pub fn never_admitted(number: u32) -> Entry {
    let mut entry = told_by_telephone(number);
    entry.state = "cancelled".into();
    entry.told = serde_json::from_value(
        json!([{ "what": "admission", "to": "assessors", "at": ago(4_000), "untrue": true }]),
    )
    .unwrap();
    let matters = ["serious-neglect", "abuse", "accident", "unserved-citizen", "irregularity"];
    let notify = action("discharges.notify", json!([code("what", &matters)]), false);
    entry.actions.push(serde_json::from_value(notify).unwrap());
    entry.attention = vagttavle::protocol::attention(&entry, now());
    entry
}

/// Comes home this morning; two of four steps are done.
pub fn comes_home(number: u32) -> Entry {
    let mut entry = entry(
        number,
        "discharges",
        "discharge-expected",
        ago(190_000),
        json!({
            "agreement": "norddjurs", "citizen": "c-3", "actions": stay_actions(),
            "due": [{ "what": "expected", "at": ahead(25_000) }],
            "details": {
                "stay": "stay-3", "setting": "inpatient", "planned": false, "department": "5790000000000",
                "admitted_at": ago(189_000), "expected_at": ahead(25_000), "expected_told_by": "nurse",
                "expected_told_at": ago(20_000), "corrections": 1, "asks_assessors": true, "assessors_told": false,
                "first_day_wasted": true, "first_day_clause": "3.5.3", "first_day_visits": 3, "groceries_clause": "3.4",
                "steps": [ { "step": "visits-planned", "done_at": ago(18_000) }, { "step": "groceries", "done_at": ago(17_000) },
                           { "step": "medicine" }, { "step": "key" } ] },
        }),
    );
    let same_as = json!([{ "name": "same_as", "kind": "entry", "required": true, "codes": ["15"] }]);
    entry.actions.push(serde_json::from_value(action("discharges.join", same_as, false)).unwrap());
    entry
}

/// 35 minutes late, moved once before; nobody has told the citizen.
pub fn late_visit(number: u32) -> Entry {
    entry(
        number,
        "visits",
        "late",
        ago(30_000),
        json!({
            "agreement": "norddjurs", "citizen": "c-4", "actions": visit_actions(),
            "due": [{ "what": "contact", "at": ago(300), "clause": "3.5.5" }],
            "details": {
                "visit": "v-4", "grant": "pathway", "help": "personal", "agreed_at": ago(2_400), "first_agreed_at": ago(6_000),
                "window_from": "00:00", "window_to": "07:00", "expected_at": ago(300), "side": "late", "minutes": 35, "limit_minutes": 30,
                "tries": 0, "moves": [{ "from": ago(6_000), "to": ago(2_400), "asked_by": "citizen", "at": ago(20_000) }],
                "no_receipt": false },
        }),
    )
}

pub fn silent(number: u32) -> Entry {
    entry(
        number,
        "sources",
        "silent",
        ago(700),
        json!({
            "actions": [action("sources.done", json!([]), false)],
            "details": { "source": "tryghed", "trouble": "silent", "count": 1, "last_at": ago(700) },
        }),
    )
}

/// A board with these entries and the usual surroundings.
pub fn board(entries: Vec<Entry>) -> BoardSnapshot {
    let mut board: BoardSnapshot = serde_json::from_value(json!({
        "sequence": 100, "now": now(), "rate": 1.0, "entries": [],
        "sources": [
            { "name": "central", "kind": "ami", "state": "ok", "heard_at": ago(3), "expected_within_s": 30 },
            { "name": "tryghed", "kind": "scaip", "state": "silent", "heard_at": ago(760), "expected_within_s": 60 },
        ],
        "ledgers": [{ "agreement": "jammerbugt", "used": 1, "limit": 2, "window_days": 30,
                      "clears_on": "2026-12-17", "action_plan": false }],
        "answering": [
            { "agreement": "jammerbugt", "board": "alarms", "month": "2026-11", "formula": "answered-within-of-all",
              "within": [
                { "s": 60, "count": 37, "of": 38, "misses_left": 0, "percent": 97.5 },
                { "s": 180, "count": 38, "of": 38, "misses_left": 0, "percent": 99.0 } ] },
            { "agreement": "norddjurs", "board": "phone", "month": "2026-11", "formula": "answered-within-of-all",
              "within": [{ "s": 60, "count": 402, "of": 408, "misses_left": 4, "percent": 97.5 }] },
        ],
        "shift": { "on_call": [
            { "name": "anna", "role": "coordinator", "since": ago(19_000), "signed_on": true },
            { "name": "bo", "role": "leader", "since": ago(15_000), "until": ahead(13_000), "signed_on": false } ] },
        "contacts": [
            { "agreement": "jammerbugt", "role": "emergency-112", "number": "112", "days": "all", "now": true },
            { "agreement": "jammerbugt", "role": "municipal-unit", "number": "00 00 01 10", "days": "all", "now": true },
            { "agreement": "jammerbugt", "role": "assessors", "number": "00 00 01 20", "from": "08:00", "to": "15:00", "days": "working", "now": false },
            { "agreement": "norddjurs", "role": "nurse", "number": "00 00 02 10", "from": "15:00", "to": "07:00", "days": "all", "now": true } ],
        "synthetic": true,
    }))
    .unwrap();
    board.entries = entries;
    board
}

/// Something on every board.
pub fn busy() -> BoardSnapshot {
    board(vec![
        missed(31, 540, false),
        ringing(12),
        duty(40, "documentation", Some(ahead(1_900))),
        claimed(9),
        waiting(33),
        help_late(7),
        redirected(5),
        missed(28, 2_400, true),
        duty(41, "action-plan", None),
        technical(3),
        comes_home(60),
        late_visit(61),
        silent(44),
    ])
}

/// More than fits.
pub fn overflowing() -> BoardSnapshot {
    let mut entries = busy().entries;
    entries.extend((50..80).map(|number| missed(number, i64::from(number) * 100, false)));
    entries.extend((100..112).map(claimed));
    entries.extend((120..140).map(|number| duty(number, "follow-up", Some(ahead(i64::from(number) * 60)))));
    board(entries)
}

/// Values as the server sends them.
pub fn agreements() -> Vec<Value> {
    vec![json!({
        "id": "jammerbugt", "name": "Jammerbugt", "version": "2026-11-01", "valid_from": "2026-11-01",
        "alarms": {
            "redirect_limit": { "kind": "contract", "value": 2, "clause": "3.1.13", "says": "Ved den anden viderestilling i perioden vil kommunen have en handlingsplan." },
            "ring_out_seconds": { "kind": "own", "value": 180 },
            "responses": { "kind": "contract", "value": ["own-help", "nurse", "doctor", "112"], "clause": "3.1.13", "says": "Vi sender som hovedregel selv hjælp." },
            "bell_repeat_seconds": { "kind": "own", "value": 30 },
        },
        "phone": { "one_number_always": { "kind": "contract", "value": true, "clause": "3.1.12", "says": "Ét hovednummer hele døgnet." } },
    })]
}

/// The next recorded item about an entry.
pub fn recorded(sequence: u64, entry: Entry) -> StreamItem {
    StreamItem::Recorded(Box::new(Recorded {
        sequence,
        after: sequence - 1,
        happened_at: now(),
        recorded_at: now(),
        actor: "source:tryghed".into(),
        kind: "alarms.raised".into(),
        entry: Some(entry),
        ledgers: None,
        answering: None,
    }))
}

/// What the server answers when the entry is opened.
pub fn opened(entry: Entry) -> EntryView {
    let line = |sequence, happened_at, late_by, actor: &str, kind: &str, payload: Value| HistoryLine {
        sequence,
        happened_at,
        recorded_at: happened_at + Duration::seconds(late_by),
        actor: actor.into(),
        kind: kind.into(),
        payload,
    };
    let history = vec![
        line(90, ago(300), 0, "source:tryghed", "alarms.raised", json!({ "trigger": "pendant" })),
        line(91, ago(130), 0, "person:bo", "entry.claimed", json!({})),
        line(
            92,
            ago(120),
            119,
            "person:bo",
            "alarms.responded",
            json!({ "with": "own-help", "helper": "own-team" }),
        ),
        line(93, ago(100), 600, "person:bo", "alarms.arrived", json!({})),
        line(94, ago(20), 0, "timer", "entry.claim-expired", json!({})),
    ];
    EntryView { entry, history, numbers: Vec::new() }
}

fn step(name: &str, done_at: Option<DateTime<Utc>>) -> Value {
    json!({ "step": name, "done_at": done_at })
}

fn resume_list(done: usize) -> Value {
    let steps = ["visits-planned", "groceries", "medicine", "aids", "key", "citizen-phoned"];
    steps.iter().enumerate().map(|(nth, name)| step(name, (nth < done).then(|| ago(600)))).collect()
}

fn stay_actions() -> Vec<Value> {
    let steps = ["visits-planned", "groceries", "medicine", "aids", "key", "citizen-phoned"];
    let tellers = ["hospital", "nurse", "assessors", "citizen", "relative", "care-system", "colleague"];
    let mut actions = vec![
        action("discharges.resume", json!([]), false),
        action(
            "discharges.expect",
            json!([{ "name": "expected_at", "kind": "time", "required": true }, code("told_by", &tellers)]),
            false,
        ),
        action("discharges.step", json!([code("step", &steps), { "name": "done", "kind": "yes" }]), false),
        action(
            "discharges.assessors-told",
            json!([{ "name": "told", "kind": "yes", "required": true }]),
            false,
        ),
        action("discharges.stop", json!([code("reason", &["dead", "moved", "care-home", "declined"])]), true),
    ];
    actions.extend(common("discharges", false));
    actions
}

fn stay(
    number: u32,
    state: &str,
    opened_at: DateTime<Utc>,
    agreement: &str,
    details: Value,
    due: Value,
) -> Entry {
    let mut all = json!({ "planned": false, "corrections": 0, "steps": resume_list(0), "asks_assessors": false,
                          "first_day_visits": 0 });
    for (name, value) in details.as_object().unwrap() {
        all[name] = value.clone();
    }
    let parts = json!({ "agreement": agreement, "citizen": format!("5f2c-41aa-{number:06}"), "details": all,
                        "actions": stay_actions(), "due": due });
    entry(number, "discharges", state, opened_at, parts)
}

/// Home by a hospital's message; half of the list is done.
pub fn discharged(number: u32) -> Entry {
    let details = json!({
        "stay": "stay-7", "setting": "inpatient", "department": "sor-afd-12", "admitted_at": ago(190_000),
        "discharged_at": ago(1_500), "steps": resume_list(3), "assessors_told": false, "first_day_wasted": true,
        "first_day_clause": "3.5.3", "first_day_visits": 2, "groceries_clause": "3.4",
    });
    stay(
        number,
        "discharged",
        ago(190_000),
        "norddjurs",
        details,
        json!([{ "what": "resume", "at": ahead(2_100) }]),
    )
}

/// Told by telephone.
pub fn told_by_telephone(number: u32) -> Entry {
    let details = json!({ "expected_at": ahead(16_000), "expected_told_by": "nurse", "expected_told_at": ago(900),
                          "steps": resume_list(1) });
    let due = json!([{ "what": "expected", "at": ahead(16_000) }]);
    stay(number, "discharge-expected", ago(900), "norddjurs", details, due)
}

pub fn on_leave(number: u32) -> Entry {
    let details = json!({ "stay": "stay-9", "setting": "inpatient", "planned": true, "department": "sor-afd-07",
                          "admitted_at": ago(150_000), "leave_since": ago(7_000) });
    stay(number, "on-leave", ago(150_000), "jammerbugt", details, json!([]))
}

/// Help was resumed, and then the hospital took the discharge back.
pub fn taken_back(number: u32) -> Entry {
    let details = json!({ "stay": "stay-3", "setting": "inpatient", "department": "sor-afd-03", "steps": resume_list(6),
                          "admitted_at": ago(300_000), "resumed_at": ago(9_000), "upset": "discharge-cancelled",
                          "upset_at": ago(240), "corrections": 1 });
    stay(number, "admitted", ago(300_000), "jammerbugt", details, json!([]))
}

fn visit_actions() -> Vec<Value> {
    let parties = ["citizen", "provider", "municipality"];
    let confirmed = json!({ "name": "confirmed", "kind": "yes" });
    let time = |name: &str| json!({ "name": name, "kind": "time", "required": true });
    let steps = ["windows", "light", "curtains", "car", "bicycle", "municipal-instruction"];
    let mut actions = vec![
        action("visits.contact", json!([{ "name": "reached", "kind": "yes", "required": true }]), false),
        action(
            "visits.door",
            json!([{ "name": "step", "kind": "code", "codes": steps }, { "name": "done", "kind": "yes" },
                   { "name": "outcome", "kind": "code", "codes": ["let-in", "found-well", "not-home", "in-hospital", "helped", "deceased",
                                                                   "handed-to-municipality"] }]),
            false,
        ),
        action("visits.move", json!([time("to"), code("asked_by", &parties), confirmed]), false),
        action("visits.replace", json!([time("at"), confirmed]), false),
        action("visits.done", json!([]), false),
        action(
            "visits.cancel",
            json!([code("by", &parties), { "name": "told_at", "kind": "time" }, confirmed]),
            true,
        ),
    ];
    actions.extend(common("visits", false));
    actions
}

fn visit(
    number: u32,
    state: &str,
    agreement: &str,
    help: &str,
    agreed_at: DateTime<Utc>,
    more: Value,
    due: Value,
) -> Entry {
    let mut details = json!({ "visit": format!("visit-{number}"), "grant": "service", "help": help,
                              "agreed_at": agreed_at, "limit_minutes": 30, "tries": 0, "moves": [], "no_receipt": false });
    for (name, value) in more.as_object().unwrap() {
        details[name] = value.clone();
    }
    let parts = json!({ "agreement": agreement, "citizen": format!("5f2c-41aa-{number:06}"), "details": details,
                        "actions": visit_actions(), "due": due });
    entry(number, "visits", state, ago(30_000), parts)
}

pub fn late(number: u32) -> Entry {
    let more = json!({ "expected_at": ahead(1_300), "side": "late", "minutes": 34 });
    let due = json!([{ "what": "contact", "at": ahead(1_060), "clause": "3.5.5" }]);
    visit(number, "late", "norddjurs", "personal", ago(740), more, due)
}

/// Told by a colleague, who has it.
pub fn early(number: u32) -> Entry {
    let more = json!({ "expected_at": ahead(1_040), "side": "early", "minutes": 40, "contacted_at": ago(60),
                       "reached": true, "tries": 1 });
    let mut entry = visit(number, "contacted", "jammerbugt", "nursing", ahead(3_440), more, json!([]));
    entry.holder =
        serde_json::from_value(json!({ "name": "bo", "since": ago(130), "until": ahead(770) })).unwrap();
    entry
}

pub fn not_reached(number: u32) -> Entry {
    let more = json!({ "expected_at": ahead(900), "side": "late", "minutes": 45, "contacted_at": ago(300),
                       "reached": false, "tries": 2 });
    let due = json!([{ "what": "contact", "at": ago(0), "clause": "3.5.5" }]);
    visit(number, "not-reached", "norddjurs", "food", ago(1_800), more, due)
}

pub fn closed_door(number: u32) -> Entry {
    let steps: Vec<Value> = ["windows", "light", "curtains", "car", "bicycle", "municipal-instruction"]
        .iter()
        .enumerate()
        .map(|(nth, name)| step(name, (nth < 2).then(|| ago(120))))
        .collect();
    let more = json!({ "door": { "since": ago(400), "steps": steps, "clause": "3.1.8" } });
    visit(number, "door-unanswered", "jammerbugt", "food", ago(460), more, json!([]))
}

/// Moved by us although the contract says never.
pub fn moved(number: u32) -> Entry {
    let (from, to) = (ahead(17_240), ahead(23_540));
    let more = json!({
        "first_agreed_at": from, "window_from": "07:00", "window_to": "11:00", "against_contract": "3.5.4",
        "moves": [{ "from": from, "to": to, "asked_by": "provider", "at": ago(500) }],
    });
    visit(number, "moved", "norddjurs", "personal", to, more, json!([]))
}

pub fn owed(number: u32) -> Entry {
    let more = json!({ "cancelled_at": ago(130_000), "cancelled_by": "hospital", "cancellation_told_at": ago(130_000),
                       "replacement": "owed", "halted": "in-hospital" });
    visit(number, "cancelled", "norddjurs", "practical", ago(150_000), more, json!([]))
}

/// Every kind of stay and visit, and what else there is at night.
pub fn homecare() -> BoardSnapshot {
    let mut entries = busy().entries;
    entries.extend([discharged(14), told_by_telephone(15), on_leave(16), taken_back(17)]);
    entries.extend([late(21), early(22), not_reached(23), closed_door(24), moved(25), owed(26)]);
    board(entries)
}

/// Somebody told us that nobody came; the municipality wants to have all of them.
pub fn complaint(number: u32) -> Entry {
    let settle = json!([
        code("outcome", &["forwarded", "solved"]),
        { "name": "reference", "kind": "reference" },
        { "name": "confirmed", "kind": "yes" },
    ]);
    let mut actions = vec![action("complaints.settle", settle, false)];
    actions.extend(common("complaints", true));
    entry(
        number,
        "complaints",
        "open",
        ago(600),
        json!({
            "agreement": "norddjurs", "actions": actions,
            "details": { "form": "oral", "what": "not-visited", "forwarded": "all", "clause": "3.7.3" },
        }),
    )
}
