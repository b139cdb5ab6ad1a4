//! `vagttavle demo`: server, an invented night and the desk in one process. Nothing is stored.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::descriptors::Budget;
use super::serve::{adopt, listen, stop_on_signals};
use super::{log, medcom, say, web_hooks};
use crate::care::{ListedFact, demo_service};
use crate::cli;
use crate::client::{Client, LinkError};
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::Command;
use crate::domain::identity::{AgreementId, Key, PersonName, SourceName};
use crate::domain::masking::Masking;
use crate::domain::people::{PeopleCommand, Role};
use crate::engine::{Engine, Parts};
use crate::i18n::Texts;
use crate::ids::Ids;
use crate::inbox::EngineInbox;
use crate::protocol::observations::{ObservationItem, Receipt};
use crate::protocol::text::Text;
use crate::protocol::{BoardSnapshot, CommandReply, CommandRequest};
use crate::server::{self, Options, token_digest};
use crate::sources::demo::around::{self, Around, Listed};
use crate::sources::demo::{AGREEMENTS, COLLEAGUE, Citizen, Driver, Hands, HandsError, Night, SOURCE, USER};
use crate::store::Log;
use crate::workers;

/// Who gets a token in a demo, in the order they are printed: the user, a leader, a wall, the source.
const TOKENS: [(&str, Role); 5] = [
    (USER, Role::Coordinator),
    ("lise", Role::Leader),
    ("skaerm", Role::Viewer),
    (SOURCE, Role::Source),
    (COLLEAGUE, Role::Coordinator),
];

pub async fn run(args: cli::Demo, texts: &Texts) -> Result<()> {
    if args.headless {
        log::begin();
    }
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    let listener = listen(args.listen).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let (care_service, care) = super::care::start_demo(args.seed, &stop).await?;
    let ids = Ids::seeded(args.seed);
    let salts = ids.clone();
    let clock = Clock::fast(args.speed);
    let parts = Parts {
        log: Log::memory(Box::new(move || salts.salt())),
        clock: clock.clone(),
        ids: ids.clone(),
        cares: care.into(),
        masking: Masking::new(ids.secret()),
    };
    let engine_stop = CancellationToken::new();
    let (engine, writer) = Engine::start(parts, engine_stop.clone()).await?;
    adopt(&engine, None).await?;
    let tokens = people(&engine).await?;
    web_hooks::expect(&engine, &Settings::default());
    let medcom = workers::medcom::start(Default::default(), &engine, &stop)?;
    let receivers = medcom::routes(medcom);
    let options =
        Options { synthetic: true, receivers, limits: Budget::raised().limits(), ..Options::default() };
    let serving = tokio::spawn(server::serve(listener, engine.clone(), options, stop.clone()));

    let client = |name: &str| -> Result<Client> {
        let (_, _, token) = tokens.iter().find(|(known, ..)| *known == name).expect("everybody has one");
        Ok(Client::new(&base, token.clone())?)
    };
    let hands = HttpHands { source: client(SOURCE)?, colleague: client(COLLEAGUE)? };
    let citizens: Vec<Citizen> = care_service
        .citizens()
        .iter()
        .map(|it| Citizen {
            agreement: it.agreement.clone(),
            citizen: it.person.citizen.clone(),
            device: it.device.clone(),
            name: Text::cut(&it.person.name),
            phone: Text::cut(it.person.phone.as_deref().unwrap_or_default()),
        })
        .collect();
    let night = Night::new(args.seed, clock.now(), &citizens)?;
    let (start, listed) = (night.start, night.listed());
    let mut driver = Driver::new(night, hands, DemoClock(clock.clone()));
    driver.prepare(&stop).await;
    let around = surround(&engine)?;
    workers::care::start_for_demo(&engine, around.1, args.speed, &stop)?;
    let driving = tokio::spawn({
        let (stop, clock) = (stop.clone(), clock.clone());
        async move {
            let clocks = (DemoClock(clock.clone()), DemoClock(clock));
            tokio::join!(
                driver.run(&stop),
                around.0.run(start, clocks.0, stop.clone()),
                put_on_list(&care_service, listed, clocks.1, &stop),
            );
        }
    });

    let shown = if args.headless {
        announce(&base, &tokens);
        stop.cancelled().await;
        Ok(())
    } else {
        super::desk::run(client(USER)?, &args.look, texts, &stop).await
    };
    stop.cancel();
    driving.await?;
    serving.await?;
    engine_stop.cancel();
    writer.await?;
    shown
}

/// What else would be there in a real night: where it is told, and under which agreements.
fn surround(engine: &Engine) -> Result<(Around<EngineInbox>, Vec<AgreementId>)> {
    let agreements: Vec<AgreementId> =
        AGREEMENTS.iter().map(|id| AgreementId::new(*id)).collect::<Result<_, _>>()?;
    let inbox = |(name, kind, within): (&str, &'static str, TimeDelta)| -> Result<EngineInbox> {
        let name = SourceName::new(name)?;
        Ok(EngineInbox::expecting(engine, name, kind, Some(within), agreements.clone()))
    };
    let around = Around {
        exchange: inbox(around::EXCHANGE)?,
        receiver: inbox(around::RECEIVER)?,
        routes: inbox(around::ROUTES)?,
    };
    Ok((around, agreements))
}

/// The care system's list says so from then on.
async fn put_on_list(
    service: &demo_service::Service,
    listed: Listed,
    clock: DemoClock,
    stop: &CancellationToken,
) {
    use crate::sources::demo::Clock as _;
    let Listed { at, agreement, observation } = listed;
    tokio::select! {
        () = stop.cancelled() => return,
        () = clock.sleep_until(at) => {}
    }
    let key = Key::new("demo-list-0001").expect("letters, hyphens and digits");
    service.tell(ListedFact { key, at, agreement, observation });
}

type Token = (&'static str, Role, SecretString);

async fn people(engine: &Engine) -> Result<Vec<Token>> {
    use secrecy::ExposeSecret;
    let agreements: Vec<AgreementId> =
        AGREEMENTS.iter().map(|id| AgreementId::new(*id)).collect::<Result<_, _>>()?;
    // A seed repeats the night, never a token.
    let ids = Ids::system();
    let mut tokens = Vec::new();
    for (name, role) in TOKENS {
        let token = SecretString::from(ids.token());
        let command = PeopleCommand::Add {
            name: PersonName::new(name)?,
            role,
            agreements: agreements.clone(),
            token_digest: token_digest(token.expose_secret()),
        };
        engine.administer(Command::People(command)).await?;
        tokens.push((name, role, token));
    }
    Ok(tokens)
}

/// For programs: the address, then a token for each role.
fn announce(base: &str, tokens: &[Token]) {
    use secrecy::ExposeSecret;
    let mut said = format!("listening on {base}\n");
    for (_, role, token) in tokens.iter().filter(|(name, ..)| *name != COLLEAGUE) {
        said.push_str(&format!("token {} {}\n", role.name(), token.expose_secret()));
    }
    say::announce(said);
}

struct DemoClock(Clock);

impl crate::sources::demo::Clock for DemoClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        self.0.sleep_until(at).await;
    }
}

/// The public ways, over HTTP as anybody would.
struct HttpHands {
    source: Client,
    colleague: Client,
}

impl Hands for HttpHands {
    async fn submit(&self, items: Vec<ObservationItem>) -> Result<Vec<Receipt>, HandsError> {
        self.source.observe(&items).await.map_err(away)
    }

    async fn command(
        &self,
        _person: &PersonName,
        request: CommandRequest,
    ) -> Result<CommandReply, HandsError> {
        self.colleague.submit(&request).await.map_err(away)
    }

    async fn board(&self, _person: &PersonName) -> Result<BoardSnapshot, HandsError> {
        self.colleague.board().await.map_err(away)
    }
}

fn away(error: LinkError) -> HandsError {
    match error {
        LinkError::Refused(problem) => HandsError::Refused(problem),
        LinkError::Offline => HandsError::Away("offline"),
        LinkError::Incompatible => HandsError::Away("incompatible"),
        LinkError::BadAddress => HandsError::Away("bad-address"),
    }
}
