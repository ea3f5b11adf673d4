# Thin over the scripts of package.json; each target first installs and builds what it needs.
#
#   make                                build
#   make demo                           see it at work
#   make test                           the whole check, as CI runs it
#   make lint | unit | package          parts of it
#   make integration etcd_version=3.4   on one etcd; on 3.4 and 3.5 when left out
#   make chaos minutes=10 seed=1        locks on three nodes, and all that may befall them

npm := npm run --silent

.PHONY: build install lint unit package integration chaos demo test clean

build: install
	@$(npm) build

# npm writes this file last. No package may run a script of its own as it is installed: the
# only one that wants to, deep below node-etcd, would compile an addon that nothing here uses.
install: node_modules/.package-lock.json
node_modules/.package-lock.json: package-lock.json
	@npm ci --ignore-scripts --prefer-offline --loglevel=error
	@touch $@

lint unit package demo: install
	@$(npm) $@

integration: build
	@ETCD_VERSION=$(etcd_version) $(npm) integration

chaos: install
	@$(npm) chaos -- $(foreach option,minutes seed etcd report,$(if $($(option)),--$(option)=$($(option))))

test: install
	@node scripts/check.mjs

clean:
	rm -rf dist coverage .cache *.tgz
