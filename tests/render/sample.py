"""A report with everything in it, hostile names included."""

from hashlib import sha256
from itertools import pairwise

import msgspec

from dagwarden.facts import Excluded, Gap, Hop, Origin, SourceFile
from dagwarden.findings import (
    RESULT_VERSION,
    ControlReport,
    Difference,
    EnvironmentReport,
    EvidenceItem,
    FilesReport,
    Finding,
    Missing,
    MissingInput,
    Outcome,
    Population,
    Report,
    Result,
    RuleReport,
    Run,
    Scope,
    SnapshotReport,
    Verdict,
    Waiver,
    WaiverStatus,
)
from dagwarden.rule import Control

SCRIPT = "<script>document.title='pwned'</script>"
ESCAPES = "\x1b[31mred\x1b[0m\x9b2J"
OVERRIDE = "invoice\u202egpj.exe"
LINES = "two\nlines\r\n::error::forged"
LONG = "x" * 300
HOSTILE = (SCRIPT, ESCAPES, OVERRIDE, LINES, LONG, "zażółć_gęślą_日本", '"><img src=x>')


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def task(path: str, name: str) -> str:
    return f"task:prod:{path}:{name}"


CC61 = Control(
    soc2="CC6.1",
    because="credentials of systems are kept out of code and configuration",
    does_not_cover="keys on laptops and in other repositories",
)
CC63 = Control(
    soc2="CC6.3",
    because="role-based access is limited to what the workload needs",
    does_not_cover="authorisation inside the service",
)
CC72 = Control(
    soc2="CC7.2",
    because="use of access can be reconstructed from audit logs",
    does_not_cover="whether anyone looks at the logs",
)
A11 = Control(
    soc2="A1.1",
    because="a run that nothing bounds can hold its worker for ever",
    does_not_cover="capacity planning",
)


def rule(identifier: str, **changes: object) -> RuleReport:
    report = RuleReport(
        id=identifier,
        version="1.0.0",
        sha256=digest(identifier),
        title=identifier.replace("-", " ").capitalize(),
        family="credentials",
        severity="high",
        confidence="certain",
        persona="engineer",
        subject="connection",
        when="true",
        assert_="size(subject.secrets) == 0",
        what="Finds what its title says.",
        why="Whoever reads it can act on it.",
        remediation="Change it.",
        controls=(CC61,),
        bundled=True,
        params={},
        overridden=(),
        population=Population(),
    )
    return msgspec.structs.replace(report, **changes)


RULES = (
    rule(
        "task-gets-403",
        title="The task's identity lacks a permission its call needs",
        family="invocation",
        subject="path",
        when="subject.target_kind in ['service', 'job'] && known(subject.identity)",
        assert_="size(subject.lacks) == 0",
        what="Compares the permissions a Cloud Run call needs with those its identity\n"
        "holds on the target, through every binding that was read.",
        why="The task fails at its first run, and the quick repair under pressure is\n"
        "a role that is far too broad.",
        remediation="Grant roles/run.developer on the job itself:\n"
        "  gcloud run jobs add-iam-policy-binding nightly-invoice \\\n"
        "    --member=serviceAccount:etl@acme-prod.iam.gserviceaccount.com \\\n"
        "    --role=roles/run.developer --region=europe-west1\n"
        "or drop `overrides` from the task: without it roles/run.invoker is enough.",
        controls=(CC63,),
        population=Population(
            discovered=31,
            unreadable=1,
            not_applicable=4,
            passed=19,
            failed=3,
            unknown=4,
        ),
    ),
    rule(
        "key-in-connection",
        title="A connection holds a service account key",
        severity="critical",
        population=Population(
            discovered=14, excluded=1, not_applicable=5, passed=6, failed=1, waived=1
        ),
    ),
    rule(
        "invoker-granted-above-service",
        title="Invoker permission is granted above the service",
        family="grants",
        persona="auditor",
        subject="grant",
        when='"run.routes.invoke" in subject.permissions\n'
        '  && subject.identity.kind == "service_account"',
        assert_='subject.level == "service"',
        controls=(CC63, CC61),
        population=Population(discovered=120, not_applicable=98, passed=21, failed=1),
    ),
    rule(
        "run-is-unbounded",
        title="Nothing bounds how long a run may take",
        family="lifetimes",
        severity="medium",
        subject="lifetime_chain",
        assert_="subject.bounded && subject.bound <= params.longest",
        controls=(A11,),
        params={"longest": 86400.0, "pools": ("default_pool", "gpu")},
        overridden=("longest",),
        population=Population(discovered=31, passed=20, failed=7, unknown=4),
    ),
    rule(
        "key-is-old",
        title="A user-managed key is older than the limit",
        family="keys",
        severity="low",
        confidence="likely",
        persona="auditor",
        subject="key",
        when="subject.user_managed",
        assert_="subject.age_days <= params.max_age_days",
        params={"max_age_days": 90},
        population=Population(discovered=3, passed=2, unknown=1),
    ),
    rule(
        "acme-naming",
        title="A service is not named after its team",
        family="grants",
        severity="info",
        subject="cloud_run",
        bundled=False,
        controls=(),
        population=Population(discovered=2, passed=2),
    ),
    rule(
        "data-access-logging-off",
        title="Data access logging is off for a service that mints tokens",
        family="audit",
        persona="auditor",
        subject="audit_log",
        controls=(CC72,),
        not_run="no audit configuration was given",
    ),
)

DAG = "dags/billing/invoice.py"
ETL = "serviceAccount:etl@acme-prod.iam.gserviceaccount.com"
CALLER = "serviceAccount:composer-worker@acme-prod.iam.gserviceaccount.com"
JOB = "//run.googleapis.com/projects/acme-prod/locations/europe-west1/jobs/nightly-invoice"
PROJECT = "//cloudresourcemanager.googleapis.com/projects/123456789012"
CHAIN = (
    Hop(
        kind="task",
        source="dag:prod:dags/billing/invoice.py:invoice",
        target=task(DAG, "invoice.run_invoice"),
        text="DAG invoice holds task run_invoice, a CloudRunExecuteJobOperator",
        origin=Origin(source=DAG, line=42),
    ),
    Hop(
        kind="uses_connection",
        source=task(DAG, "invoice.run_invoice"),
        target="connection:prod:gcp_billing",
        text="run_invoice uses connection gcp_billing (argument gcp_conn_id)",
        origin=Origin(source=DAG, line=45, field="gcp_conn_id"),
    ),
    Hop(
        kind="authenticates_as",
        source="connection:prod:gcp_billing",
        target=f"identity:{CALLER}",
        text="gcp_billing has no credential of its own: the environment's identity",
        origin=Origin(source="connections.json", field="gcp_billing.extra"),
    ),
    Hop(
        kind="impersonates",
        source=f"identity:{CALLER}",
        target=f"identity:{ETL}",
        text="impersonation_chain of gcp_billing",
        origin=Origin(
            source="connections.json", field="gcp_billing.impersonation_chain"
        ),
    ),
    Hop(
        kind="granted",
        source=f"identity:{ETL}",
        target=f"binding:{PROJECT}#roles/run.invoker",
        text="etl holds roles/run.invoker on project acme-prod",
        origin=Origin(source=PROJECT, field="iamPolicy.bindings[4]"),
    ),
    Hop(
        kind="inherited",
        source=f"binding:{PROJECT}#roles/run.invoker",
        target=f"cloud_run:{JOB}",
        text="the job lies in project acme-prod",
        origin=Origin(source=JOB, field="ancestors"),
    ),
    Hop(
        kind="calls",
        source=f"cloud_run:{JOB}",
        target="run.jobs.runWithOverrides",
        text="the call passes overrides, which needs run.jobs.runWithOverrides",
        origin=Origin(source=DAG, line=47, field="overrides"),
    ),
)


def finding(identifier: str, **changes: object) -> Finding:
    (judged,) = (r for r in RULES if r.id == identifier)
    report = Finding(
        fingerprint=digest(f"{identifier} {sorted(changes)}")[:32],
        rule=identifier,
        severity=judged.severity,
        confidence=judged.confidence,
        persona=judged.persona,
        outcome=Outcome.FAIL,
        title=judged.title,
        message=judged.title,
        remediation=judged.remediation,
        origin=Origin(source=DAG, line=1),
        subjects=(),
        places=(),
    )
    return msgspec.structs.replace(report, **changes)


FINDINGS = (
    finding(
        "key-in-connection",
        message="connection gcp_legacy holds a whole service account key (key file "
        "content in extra.keyfile_dict)",
        origin=Origin(source="connections.json", field="gcp_legacy.extra"),
        subjects=("connection:prod:gcp_legacy",),
        places=(Origin(source="connections.json", field="gcp_legacy.extra"),),
        evidence=(
            EvidenceItem(name="credential", value="service_account_key"),
            EvidenceItem(
                name="account", value="legacy@acme-prod.iam.gserviceaccount.com"
            ),
        ),
        chains=12,
        baseline="unchanged",
    ),
    finding(
        "task-gets-403",
        message="task invoice.run_invoice will get 403: "
        "etl@acme-prod.iam.gserviceaccount.com lacks run.jobs.runWithOverrides on "
        "job nightly-invoice",
        origin=Origin(source=DAG, line=42),
        subjects=(
            f"path:prod:{DAG}:invoice.run_invoice",
            f"path:prod:{DAG}:invoice.run_reminder",
        ),
        places=(Origin(source=DAG, line=42), Origin(source=DAG, line=61)),
        evidence=(
            EvidenceItem(name="lacks", value="run.jobs.runWithOverrides"),
            EvidenceItem(name="target", value=JOB),
        ),
        hops=CHAIN,
        assumes=(
            "no deny policy applies: the deny layer was not given",
            "no principal access boundary applies: that layer was not given",
        ),
        chains=2,
        baseline="new",
    ),
    finding(
        "task-gets-403",
        message=f"task {SCRIPT}.{ESCAPES} will get 403 for {OVERRIDE} and {LINES}",
        origin=Origin(source=f"dags/{SCRIPT}.py", line=3),
        subjects=(f"path:prod:dags/{SCRIPT}.py:{LONG}",),
        places=(Origin(source=f"dags/{SCRIPT}.py", line=3),),
        evidence=tuple(
            EvidenceItem(name=f"name {n}", value=v) for n, v in enumerate(HOSTILE)
        ),
        hops=tuple(
            Hop(
                kind="uses_connection",
                source=f"task:{before}",
                target=f"connection:prod:{after}",
                text=f"hop to {after}",
                origin=Origin(source=after, line=number),
            )
            for number, (before, after) in enumerate(pairwise(HOSTILE), 1)
        ),
        chains=1,
    ),
    finding(
        "run-is-unbounded",
        message="7 tasks of DAG ingest may run for ever: neither execution_timeout nor "
        "dagrun_timeout is set",
        remediation='Set default_args={"execution_timeout": timedelta(hours=1)} on the '
        "DAG.",
        origin=Origin(source="dags/ingest.py", line=12),
        subjects=tuple(
            f"lifetime_chain:prod:dags/ingest.py:ingest.load_{n}" for n in range(7)
        ),
        places=tuple(
            Origin(source="dags/ingest.py", line=20 + 6 * n) for n in range(7)
        ),
        baseline="unchanged",
    ),
    finding(
        "invoker-granted-above-service",
        message=f"{ETL} may invoke every service in project acme-prod",
        origin=Origin(source=PROJECT, field="iamPolicy.bindings[4]"),
        subjects=(f"grant:{PROJECT}#roles/run.invoker@{ETL}",),
        places=(Origin(source=PROJECT, field="iamPolicy.bindings[4]"),),
        chains=9,
    ),
    finding(
        "key-in-connection",
        message="connection sftp_partner holds a private key (extra.private_key)",
        origin=Origin(source="AIRFLOW_CONN_SFTP_PARTNER"),
        subjects=("connection:prod:sftp_partner",),
        places=(Origin(source="AIRFLOW_CONN_SFTP_PARTNER"),),
        waiver="waivers.yaml#1",
    ),
    finding(
        "key-is-old",
        outcome=Outcome.UNKNOWN,
        message="the age of key legacy@acme-prod…/8f3c is not established",
        origin=Origin(
            source="//iam.googleapis.com/projects/-/serviceAccounts/1/keys/8"
        ),
        subjects=("key:legacy@acme-prod.iam.gserviceaccount.com/8f3c",),
        places=(
            Origin(source="//iam.googleapis.com/projects/-/serviceAccounts/1/keys/8"),
        ),
        missing=(Missing(reason="layer", symbol="service account keys"),),
    ),
)


def verdicts() -> tuple[Verdict, ...]:
    """One verdict per subject that the populations count, as the findings say."""
    made: list[Verdict] = []
    for judged in RULES:
        said = [f for f in FINDINGS if f.rule == judged.id]
        made += [
            Verdict(judged.id, subject, f.outcome, f.missing, f.waiver)
            for f in said
            for subject in f.subjects
        ]
        population = judged.population
        made += [
            Verdict(judged.id, f"{judged.subject}:prod:fine-{n}", Outcome.PASS)
            for n in range(population.passed)
        ]
        unknown = population.unknown - sum(
            len(f.subjects) for f in said if f.outcome is Outcome.UNKNOWN
        )
        made += [
            Verdict(
                judged.id,
                f"{judged.subject}:prod:open-{n}",
                Outcome.UNKNOWN,
                (Missing(reason="variable", symbol="AIRFLOW_VAR_REGION"),),
            )
            for n in range(unknown)
        ]
    return tuple(made)


def waiver(identifier: str, status: WaiverStatus, **changes: object) -> Waiver:
    report = Waiver(
        id=identifier,
        kind="waiver",
        rule="key-in-connection",
        subject="connection:prod:sftp_*",
        owner="dana@acme.example",
        approver="sam@acme.example",
        reason="The partner takes nothing but a key; replaced by federation in Q3.",
        expires="2026-06-30",
        origin=Origin(source="waivers.yaml", line=2),
        inline=False,
        status=status,
    )
    return msgspec.structs.replace(report, **changes)


WAIVERS = (
    waiver("waivers.yaml#1", WaiverStatus.USED, matched=1),
    waiver(
        "waivers.yaml#2",
        WaiverStatus.EXPIRED,
        rule="run-is-unbounded",
        subject="lifetime_chain:prod:dags/ingest.py:*",
        expires="2026-01-31",
        matched=7,
        origin=Origin(source="waivers.yaml", line=9),
    ),
    waiver(
        "waivers.yaml#3",
        WaiverStatus.UNUSED,
        subject="connection:prod:gone",
        origin=Origin(source="waivers.yaml", line=16),
    ),
    waiver(
        "dags/billing/invoice.py:40",
        WaiverStatus.REFUSED,
        inline=True,
        rule="task-gets-403",
        subject="",
        approver="",
        reason=f"soon {SCRIPT}",
        origin=Origin(source=DAG, line=40),
        note="the operator does not let the repository loosen (trust_repository)",
    ),
    waiver(
        "waivers.yaml#4",
        WaiverStatus.UNAPPROVED,
        kind="gap",
        rule="key-is-old",
        subject="key:legacy@*",
        approver="",
        matched=1,
        origin=Origin(source="waivers.yaml", line=23),
        note="an approver other than the owner is required",
    ),
)

REGISTER = (
    ControlReport(
        id="AC-07",
        wording="Service-to-service access is granted to named workload identities, on "
        "the single resource they call, and reviewed every quarter.",
        owner="Head of Platform",
        criteria=("CC6.1", "CC6.3"),
        rules=("invoker-granted-above-service", "task-gets-403"),
    ),
    ControlReport(
        id="AC-11",
        wording="Credentials are kept in the secret manager; none stand in code or in "
        "connection settings. User-managed keys are replaced within 90 days.",
        owner="Security Engineering",
        criteria=("CC6.1",),
        rules=("key-in-connection", "key-is-old", "rule-that-is-not-here"),
    ),
    ControlReport(
        id="LG-02",
        wording="Use of privileged access is logged.",
        owner="Security Operations",
        criteria=("CC7.2",),
        rules=("data-access-logging-off",),
    ),
    ControlReport(
        id="HR-01",
        wording="Leavers lose access within one working day.",
        owner="People",
        criteria=("CC6.2",),
        rules=(),
    ),
)

RESULT = Result(
    version=RESULT_VERSION,
    estate="acme-data",
    as_of="2026-03-01T06:00:00Z",
    gate="high",
    strict=False,
    persona="engineer",
    counts={"dag": 9, "task": 64, "call": 31, "connection": 13, "grant": 120},
    searched=FilesReport(discovered=143, excluded=12, unreadable=1, looked_into=130),
    environments=(
        EnvironmentReport(
            name="prod",
            runs_as="composer-worker@acme-prod.iam.gserviceaccount.com",
            airflow="2.11",
            dags=9,
            tasks=64,
            connections=13,
            connections_complete=False,
        ),
        EnvironmentReport(
            name="staging",
            runs_as="not established: setting runs_as of environment staging",
            airflow="not given",
            dags=0,
            tasks=0,
            connections=0,
            connections_complete=True,
        ),
    ),
    scopes=(
        Scope(
            name="projects/123456789012",
            label="acme-prod",
            in_scope=True,
            reason="holds Cloud Run resources that DAGs call",
        ),
        Scope(
            name="projects/sys-8821",
            label="sys-8821",
            in_scope=False,
            reason="made by Apps Script; excluded by default",
        ),
    ),
    snapshots=(
        SnapshotReport(
            scope="organizations/4242",
            read_time="2026-03-01T02:00:11Z",
            principal="snapshot@acme-audit.iam.gserviceaccount.com",
            age_hours=3.9969,
            layers={
                "allow": "read",
                "deny": "not_given",
                "boundary": "not_given",
                "memberships": "partly",
                "ancestors": "read",
                "tags": "not_given",
            },
            assets=4120,
            assets_not_modelled=388,
        ),
    ),
    controls=REGISTER,
    rules=RULES,
    findings=FINDINGS,
    verdicts=verdicts(),
    unknowns=(
        MissingInput(
            reason="variable",
            symbol="AIRFLOW_VAR_REGION",
            verdicts=8,
            rules=("run-is-unbounded", "task-gets-403"),
        ),
        MissingInput(
            reason="layer",
            symbol="service account keys",
            verdicts=1,
            rules=("key-is-old",),
        ),
        MissingInput(
            reason="membership",
            symbol=f"group:{SCRIPT}@acme.example",
            verdicts=1,
            rules=("task-gets-403",),
        ),
    ),
    waivers=WAIVERS,
    gaps=(
        Gap(
            reason="syntax",
            origin=Origin(source="dags/broken.py", line=7),
            detail="unexpected indent",
            kinds=("call", "dag", "task"),
        ),
        Gap(
            reason="unsupported",
            origin=Origin(source=f"dags/{OVERRIDE}.py", line=88),
            detail=f"a DAG made by {ESCAPES}",
            kinds=("dag",),
            incomplete=False,
        ),
    ),
    excluded=(
        Excluded(kind="dag_file", what="dags/tests/", reason=".airflowignore", count=6),
        Excluded(kind="project", what="sys-8821", reason="made by Apps Script"),
    ),
    assumptions=(
        "no deny policy applies: the deny layer was not given",
        "no principal access boundary applies: that layer was not given",
    ),
    repository_requests=(
        "gate = medium (tightens, applied)",
        f"exclude = dags/{LINES} (loosens, not applied)",
    ),
    files=(
        SourceFile(
            path="connections.json", kind="connections", sha256="a" * 64, size=9
        ),
        SourceFile(path=DAG, kind="dag", sha256="b" * 64, size=2210),
        SourceFile(path="dags/ingest.py", kind="dag", sha256="c" * 64, size=1000),
        SourceFile(
            path="snapshot.ndjson", kind="snapshot", sha256="d" * 64, size=8_100_000
        ),
    ),
    difference=Difference(
        against="git:origin/main",
        new=(FINDINGS[1].fingerprint,),
        fixed=("f" * 32,),
        unchanged=(FINDINGS[0].fingerprint, FINDINGS[3].fingerprint),
    ),
)

REPORT = Report(
    result=RESULT,
    run=Run(
        tool_version="0.1.0",
        rule_pack="e" * 64,
        started="2026-03-01T06:00:02Z",
        ended="2026-03-01T06:00:05Z",
        command=("dagwarden", "scan", "--config", "operator.toml", "it's; $(x)"),
        python="3.12.4",
        user="ci",
        host="runner-7",
        git_commit="0123456789abcdef0123456789abcdef01234567",
        git_dirty=True,
    ),
)

WITHOUT_REGISTER = msgspec.structs.replace(
    REPORT, result=msgspec.structs.replace(RESULT, controls=())
)
AUDITOR = msgspec.structs.replace(
    REPORT, result=msgspec.structs.replace(RESULT, persona="auditor")
)
EMPTY = msgspec.structs.replace(
    REPORT,
    result=Result(
        version=RESULT_VERSION,
        estate="",
        as_of=RESULT.as_of,
        gate="high",
        strict=False,
        persona="engineer",
        counts={},
    ),
)
