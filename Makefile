# make help lists what can be made.

CARGO      ?= cargo
PREFIX     ?= /usr/local
DESTDIR    ?=
SYSCONFDIR ?= /etc
UNITDIR    ?= $(PREFIX)/lib/systemd/system

BINARY  = target/release/klachtd
CONFIG  = $(DESTDIR)$(SYSCONFDIR)/klachtd

.DEFAULT_GOAL = help
.PHONY: build run test lint simulation fuzz torture bench install clean-demo help

build: ## the released binary, target/release/klachtd
	$(CARGO) build --release --locked

run: build ## the daemon on a demo under var/demo: no server, no root, no questions
	@scripts/demo-inbox
	@exec $(BINARY) --config config/demo.toml run

test: ## everything that must hold: formatting, lints, documentation, every test
	scripts/test-deps
	$(MAKE) --no-print-directory lint
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		echo $(CARGO) nextest run --locked --no-fail-fast; $(CARGO) nextest run --locked --no-fail-fast; \
	else \
		echo $(CARGO) test --locked --no-fail-fast; $(CARGO) test --locked --no-fail-fast --lib --bins --tests; \
	fi
	$(CARGO) test --locked --doc
	$(MAKE) --no-print-directory simulation

lint: ## formatting, clippy, documentation, licences and the unit's hardening
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --locked
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --locked check licenses bans sources; \
	else \
		echo "cargo-deny is not installed: licences were not checked"; \
	fi
	@if command -v systemd-analyze >/dev/null; then \
		systemd-analyze security --offline=true --threshold=15 --no-pager systemd/klachtd.service >/dev/null \
			|| { echo "systemd/klachtd.service: exposure is over 1.5"; exit 1; }; \
	fi

SEEDS ?= 0..1000

simulation: ## lives of the service in which everything goes wrong that can: SEEDS (0..1000)
	SIMULATION_SEEDS=$(SEEDS) $(CARGO) test --locked --profile simulation --test simulation whatever -- --nocapture

fuzz: ## any bytes to what reads, FUZZ_SECONDS (60) for each target; needs a nightly toolchain, cargo-fuzz
	@scripts/fuzz

torture: build ## kill -9 at random moments under load, TORTURE_ROUNDS (200) rounds; needs Dovecot and Postfix
	KLACHTD=$(CURDIR)/$(BINARY) TORTURE_ROUNDS=$${TORTURE_ROUNDS:-200} \
		$(CARGO) test --locked --test torture -- --nocapture

# scripts/bench-sustained and scripts/bench-register show what many mails and a large register cost; they take long.
bench: build ## how fast the released binary is
	$(CARGO) bench --locked --bench decide
	scripts/bench

# A file that the operator may have changed is kept; the new one is laid beside it as FILE.dist.
install: ## binary, configuration, systemd unit (DESTDIR, PREFIX)
	@test -x $(BINARY) || { echo "first: make build"; exit 1; }
	install -D -m 0755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/klachtd
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|/usr/bin/klachtd|$(PREFIX)/bin/klachtd|' systemd/klachtd.service > $(DESTDIR)$(UNITDIR)/klachtd.service
	sed 's|/usr/bin/klachtd|$(PREFIX)/bin/klachtd|' systemd/klachtd-backup.service > $(DESTDIR)$(UNITDIR)/klachtd-backup.service
	install -m 0644 systemd/klachtd-backup.timer $(DESTDIR)$(UNITDIR)/klachtd-backup.timer
	chmod 0644 $(DESTDIR)$(UNITDIR)/klachtd.service
	install -D -m 0644 systemd/klachtd.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/klachtd.conf
	install -D -m 0644 systemd/klachtd.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/klachtd.conf
	install -d -m 0755 $(CONFIG)/conf.d $(CONFIG)/procedures $(CONFIG)/texts $(CONFIG)/templates
	install -d -m 0700 $(CONFIG)/credentials
	@for file in procedures/*.toml texts/*.txt; do \
		for source in config/$$file; do \
			target=$(CONFIG)/$${source#config/}; \
			if [ -e "$$target" ] && ! cmp -s "$$source" "$$target"; then target=$$target.dist; fi; \
			echo "install -m 0644 $$source $$target"; \
			install -m 0644 "$$source" "$$target" || exit 1; \
		done; \
	done
	$(BINARY) config example > $(CONFIG)/klachtd.toml.example
	chmod 0644 $(CONFIG)/klachtd.toml.example
	@echo "Next: README.md, \"Put it to work\""

clean-demo: ## forgets the demo: its inbox, outbox and register
	rm -rf var/demo

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
