#!/usr/bin/env bash
# Checks this bundle with bash, openssl (3.0 or newer) and xxd only: bash verify.sh ROOTS.pem
# ROOTS.pem are the root certificates of the time-stamping authorities that YOU trust. Get them from the
# authorities, not from this bundle. Every step is also written out in VERIFY.txt, to be typed by hand.
set -u
export LC_ALL=C TZ=UTC0

wrong_use() { printf '%s\n' "$1" >&2; exit 2; }
stop() { printf 'NOT VERIFIED: %s\n' "$1" >&2; exit 1; }
good() { printf 'ok: %s\n' "$1"; }
sha256() {
  local out
  out=$(openssl dgst -sha256 -r "$@" 2>/dev/null) && printf '%s' "${out%% *}"
}

[[ $# -eq 1 ]] || wrong_use 'Usage: bash verify.sh ROOTS.pem (the roots that you trust, from outside this bundle)'
[[ -r $1 ]] || wrong_use "$1: cannot be read"
roots=$1
[[ $roots == /* ]] || roots=$PWD/$roots
[[ ${BASH_SOURCE[0]} != */* ]] || cd "${BASH_SOURCE[0]%/*}" || wrong_use 'cannot enter the folder of this bundle'
for tool in openssl xxd; do
  command -v "$tool" >/dev/null || wrong_use "$tool is not installed"
done

sums=0
while IFS= read -r line || [[ -n $line ]]; do
  [[ $line =~ ^([0-9a-f]{64})\ \ ((crls/)?[A-Za-z0-9][A-Za-z0-9._-]*)$ ]] || stop 'SHA256SUMS is malformed'
  [[ $(sha256 "${BASH_REMATCH[2]}") == "${BASH_REMATCH[1]}" ]] || stop "${BASH_REMATCH[2]} is not as SHA256SUMS says"
  sums=$((sums + 1))
done <SHA256SUMS
((sums >= 9)) || stop 'SHA256SUMS is missing or lists too few files'
good "$sums files are as SHA256SUMS says"

# The statement is canonical JSON (RFC 8785): its fields stand in one order, and a quote within a text is
# escaped, so a prefix and a suffix anchored at its ends find them.
statement=$(<statement.json)
head='^\{"engine":"[^"\\]+","epoch":"[^"\\]+","kind":"(item|audit)","log_index":[0-9]+,"manifest_sha256":"([0-9a-f]*)","meta":'
tail=',"payload_sha256":"([0-9a-f]{64})","received_at":-?[0-9]+,"salt":"[0-9a-f]{32}","size":([0-9]+),"uuid":"([^"\\]+)","v":1\}$'
[[ $statement =~ $head ]] || stop 'statement.json is not a statement'
meta=${statement:${#BASH_REMATCH[0]}}
manifest_sha256=${BASH_REMATCH[2]}
[[ $meta =~ $tail ]] || stop 'statement.json is not a statement'
payload_sha256=${BASH_REMATCH[1]}
uuid=${BASH_REMATCH[3]}
meta=${meta:0:${#meta} - ${#BASH_REMATCH[0]}}
leaf=$(sha256 statement.json)

if [[ -e payload.bin ]]; then
  [[ $(sha256 payload.bin) == "$payload_sha256" ]] || stop 'payload.bin is not what the statement says'
  good "payload.bin is the payload of the statement ($payload_sha256)"
else
  good 'the payload is not in this bundle; only its hash is proved'
fi

if [[ -n $manifest_sha256 ]]; then
  [[ $(sha256 manifest.json) == "$manifest_sha256" ]] || stop 'manifest.json is not the one of the statement'
  openssl pkeyutl -verify -rawin -pubin -inkey agent.pub -sigfile manifest.sig -in manifest.json >/dev/null 2>&1 ||
    stop 'the signature of the agent does not verify'
  digest=$(printf '{"meta":%s,"payload_sha256":"%s"}' "$meta" "$payload_sha256" | sha256)
  manifest=$(<manifest.json)
  [[ $manifest == *"[\"$uuid\",\"$digest\"]"* ]] || stop 'the signed manifest does not list this item'
  good 'the holder of agent.pub signed meta and payload (whose key that is, this bundle only claims)'
else
  good 'not signed by an agent'
fi

# RFC 4998 section 4.2: the hashes of one parent are joined in binary ascending order. Prints the root.
walk() {
  local node=$2 first=1 hashes hash pair
  while read -r -a hashes; do
    for hash in "${hashes[@]}"; do
      [[ $hash =~ ^[0-9a-f]{64}$ ]] || return 1
    done
    ((first)) || hashes+=("$node")
    [[ ${#hashes[@]} -eq 2 ]] || return 1
    [[ $first -eq 0 || ${hashes[0]} == "$node" || ${hashes[1]} == "$node" ]] || return 1
    pair=${hashes[0]}${hashes[1]}
    [[ ${hashes[0]} < ${hashes[1]} ]] || pair=${hashes[1]}${hashes[0]}
    node=$(printf '%s' "$pair" | xxd -r -p | sha256)
    first=0
  done <"$1"
  printf '%s' "$node"
}
root=$(walk path.txt "$leaf") || stop 'path.txt does not lead from the statement to a root'
good "the statement leads to the root $root"
[[ $(walk batch-path.txt "$(sha256 batch.json)") == "$root" ]] || stop 'batch.json is not in the same batch'
good 'batch.json is in the same batch'

untrusted=()
[[ ! -s chain.pem ]] || untrusted=(-untrusted chain.pem)
anchored=0
bundle=$(<bundle.json)
for token in token-*.tsr; do
  name=${token#token-}
  name=${name%.tsr}
  [[ $bundle =~ \"attime\":(-?[0-9]+),\"external\":(true|false),\"name\":\"${name//./\\.}\" ]] ||
    stop "bundle.json does not name $token"
  attime=${BASH_REMATCH[1]}
  kind='external authority, as the bundle says'
  [[ ${BASH_REMATCH[2]} == true ]] || kind='SELF-ASSERTED time: the authority is in the hands of the operator'
  text=$(openssl ts -reply -in "$token" -text 2>/dev/null) || stop "$token is not a time-stamp response"
  [[ $text =~ Time\ stamp:\ ([A-Z][a-z]{2}\ [0-9\ ]{2}\ [0-9:]{8})(\.[0-9]+)?\ ([0-9]{4})\ GMT ]] ||
    stop "$token has no time"
  printf -v shown '%(%b %e %H:%M:%S %Y)T' "$attime"
  [[ $shown == "${BASH_REMATCH[1]} ${BASH_REMATCH[3]}" ]] || stop "bundle.json has another time than $token"
  if openssl ts -verify -digest "$root" -in "$token" -CAfile "$roots" ${untrusted[@]+"${untrusted[@]}"} \
    -attime "$attime" >/dev/null 2>&1; then
    good "$token: existed at $shown GMT ($kind)"
    anchored=$((anchored + 1))
  else
    printf 'not anchored: %s does not verify with the roots given\n' "$token"
  fi
done
((anchored)) || stop 'no time-stamp verifies with the roots given'
printf 'VERIFIED with the roots given (%s time-stamps)\n' "$anchored"
