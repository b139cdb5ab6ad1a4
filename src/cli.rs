//! Arguments: the commands of the outside contract.
//!
//! Owns names and help. Must never do anything itself; `app` does.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use uuid::Uuid;

use crate::domain::identity::{AgreementId, EntryId, PersonName};
use crate::domain::people::Role;
use crate::protocol::history::PURPOSES;

/// Address of a server that nobody told otherwise.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:7878";

#[derive(Debug, Parser)]
#[command(name = "vagttavle", version, about = "Vagttavle for hjemmeplejens vagtkoordinatorer", long_about = None)]
pub struct Cli {
    /// Sprog: da eller en
    #[arg(long, global = true, env = "VAGTTAVLE_LANG", value_name = "da|en")]
    pub lang: Option<String>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Vis en opdigtet nat: server, kilder og vagttavle i ét. Intet gemmes
    Demo(Demo),
    /// Kør serveren
    Serve(Serve),
    /// Åbn vagttavlen for en server
    Desk(Desk),
    /// Personer og kilder: add, list, revoke
    User(User),
    /// Aftaler med kommuner: list, show, check, adopt
    Agreement(AgreementArgs),
    /// Alt åbent, værste først, uden skærm
    List(Remote),
    /// Alt, der er afsluttet, det seneste først
    Closed(ClosedArgs),
    /// Vis en post efter nummer, eller en afsluttet efter id
    Show(ShowArgs),
    /// Gør noget ved en post: do NUMMER HANDLING [felt=værdi …]
    Do(DoArgs),
    /// Opret i hånden: open discharge|notice [felt=værdi …]
    Open(OpenArgs),
    /// Rutelister: check
    Visits(VisitsArgs),
    /// Vis, hvad en enhed hedder i loggen: til afsnittet units i indstillingerne
    Unit(UnitArgs),
    /// Kontrollér loggens kæder fra ende til anden
    Verify(Data),
    /// Kopiér loggen til en fil
    Backup(Copy),
    /// Læg en kopi af loggen i en tom mappe
    Restore(Copy),
    /// Undersøg om maskinen, mappen og terminalen er, som de skal være
    Doctor(Data),
    /// Vis alle taster
    Keys,
    /// Vis temaerne
    Themes,
    /// Fuldførelse for en skal
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Manualsiden
    Man,
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Kun server: skriver adresse og nøgler på standard output
    #[arg(long)]
    pub headless: bool,
    /// Adresse at lytte på
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Samme tal giver samme nat
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Så mange gange hurtigere går uret
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    #[command(flatten)]
    pub look: LookArgs,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("0.1 – 1000".into()),
    }
}

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub data: Data,
    /// Database i stedet for en mappe (postgres:// kommer senere)
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    pub database: Option<String>,
    /// Adresse at lytte på; ellers indstillingernes, ellers 127.0.0.1:7878
    #[arg(long)]
    pub listen: Option<SocketAddr>,
}

/// An entry as a person names it: an open one by its number, one that is over by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Number(u32),
    Id(EntryId),
}

impl std::str::FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = || Uuid::parse_str(text).ok().map(|id| Self::Id(EntryId(id)));
        text.parse().ok().map(Self::Number).or_else(id).ok_or_else(|| "1 – 9999".into())
    }
}

/// Where the log is. The settings matter to it too: they say where its witness lies.
#[derive(Debug, Args)]
pub struct Data {
    /// Loggens mappe
    #[arg(long, global = true, env = "VAGTTAVLE_DATA", value_name = "MAPPE")]
    pub data: Option<PathBuf>,
    /// Serverens indstillinger (TOML)
    #[arg(long, global = true, env = "VAGTTAVLE_CONFIG", value_name = "FIL")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct UnitArgs {
    /// Enhedens konto eller nummer, som den selv siger det
    #[arg(value_name = "ENHED")]
    pub unit: String,
    #[command(flatten)]
    pub data: Data,
}

#[derive(Debug, Args)]
pub struct VisitsArgs {
    #[command(subcommand)]
    pub command: VisitsCommand,
}

#[derive(Debug, Subcommand)]
pub enum VisitsCommand {
    /// Sig linje og grund for hver række, der ikke ville blive taget ind. Intet sendes nogen steder hen
    Check {
        file: PathBuf,
        /// Hvad systemets kolonner og ord betyder (TOML)
        #[arg(long, value_name = "FIL")]
        mapping: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct Remote {
    /// Serverens adresse
    #[arg(long, env = "VAGTTAVLE_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// Fil med din nøgle (rettigheder 600)
    #[arg(long, env = "VAGTTAVLE_TOKEN_FILE", value_name = "FIL")]
    pub token_file: Option<PathBuf>,
    /// Svar som JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct LookArgs {
    /// Tema; se `vagttavle themes`
    #[arg(long, value_name = "NAVN")]
    pub theme: Option<String>,
    /// Kun se: intet kan ændres herfra
    #[arg(long)]
    pub read_only: bool,
}

#[derive(Debug, Args)]
pub struct Desk {
    /// Serverens adresse
    #[arg(long, env = "VAGTTAVLE_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// Fil med din nøgle (rettigheder 600)
    #[arg(long, env = "VAGTTAVLE_TOKEN_FILE", value_name = "FIL")]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub look: LookArgs,
}

#[derive(Debug, Args)]
pub struct User {
    #[command(flatten)]
    pub data: Data,
    #[command(subcommand)]
    pub command: UserCommand,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Giv en person eller kilde adgang; skriver nøglen, én gang
    Add {
        name: PersonName,
        #[arg(long, value_enum)]
        role: RoleArg,
        #[arg(long = "agreement", value_name = "ID", num_args = 1.., required = true)]
        agreements: Vec<AgreementId>,
    },
    /// Hvem har adgang
    List,
    /// Tag adgangen fra en person eller kilde
    Revoke { name: PersonName },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleArg {
    Coordinator,
    Leader,
    Viewer,
    Source,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Coordinator => Self::Coordinator,
            RoleArg::Leader => Self::Leader,
            RoleArg::Viewer => Self::Viewer,
            RoleArg::Source => Self::Source,
        }
    }
}

#[derive(Debug, Args)]
pub struct AgreementArgs {
    #[command(flatten)]
    pub data: Data,
    #[command(subcommand)]
    pub command: AgreementCommand,
}

#[derive(Debug, Subcommand)]
pub enum AgreementCommand {
    /// Aftaler i kraft
    List,
    /// Vis en aftale, hver værdi med dens kilde
    Show {
        id: AgreementId,
        /// Filen, som den følger med programmet: begynd din egen med den
        #[arg(long)]
        file: bool,
    },
    /// Kontrollér en fil; siger linje og nøgle for hver fejl
    Check { file: PathBuf },
    /// Sæt en fil i kraft
    Adopt { file: PathBuf },
}

#[derive(Debug, Args)]
pub struct ClosedArgs {
    /// Nummeret, posten havde
    #[arg(long, value_name = "NUMMER")]
    pub number: Option<u32>,
    /// Dagen, den blev afsluttet: 2026-11-22
    #[arg(long, value_name = "DATO")]
    pub day: Option<String>,
    /// Tavlen, fx alarms eller visits
    #[arg(long, value_name = "TAVLE")]
    pub board: Option<String>,
    /// Aftalen
    #[arg(long, value_name = "ID")]
    pub agreement: Option<AgreementId>,
    /// Udfaldet, fx helped; ellers tilstanden
    #[arg(long, value_name = "UDFALD")]
    pub outcome: Option<String>,
    /// Borgerens id, eller hvad kilden kalder kaldet, opkaldet eller besøget; hele id'et
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Næste side: det, som siden før sluttede med
    #[arg(long, value_name = "STED")]
    pub after: Option<String>,
    #[command(flatten)]
    pub remote: Remote,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Postens nummer, eller id'et på en afsluttet
    pub number: Named,
    /// Alt, hvad loggen har om postens borger; opslaget bliver logført
    #[arg(long)]
    pub history: bool,
    /// Hvad historikken skal bruges til
    #[arg(long, value_name = "FORMÅL", default_value = "duty", value_parser = PURPOSES, requires = "history")]
    pub purpose: String,
    #[command(flatten)]
    pub remote: Remote,
}

#[derive(Debug, Args)]
pub struct DoArgs {
    /// Postens nummer, eller id'et på en afsluttet
    pub number: Named,
    /// Handlingen, fx claim eller close
    pub action: String,
    /// Felter som navn=værdi; fri tekst læses kun fra standard input
    pub fields: Vec<String>,
    #[command(flatten)]
    pub remote: Remote,
}

#[derive(Debug, Args)]
pub struct OpenArgs {
    /// En udskrivning, der er sagt i telefonen, noget, kommunen skal have besked om straks, eller en klage
    #[arg(value_enum)]
    pub what: Opened,
    /// Felter som navn=værdi
    pub fields: Vec<String>,
    #[command(flatten)]
    pub remote: Remote,
}

#[derive(Debug, Clone, PartialEq, Eq, ValueEnum)]
pub enum Opened {
    Discharge,
    Notice,
    Complaint,
}

#[derive(Debug, Args)]
pub struct Copy {
    /// Filen
    pub file: PathBuf,
    #[command(flatten)]
    pub data: Data,
}
