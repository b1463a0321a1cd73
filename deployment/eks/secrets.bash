# Functions of generate-secrets and of overlays/kind/generate-secrets, which source this file after
# they have put kubectl's flags into the array `flags`.
work=$(mktemp -d)
# Another one only to look at what is made: the deployment's own names stand in its files.
namespace=${NAMESPACE:-mlflow}
trap 'rm -rf "$work"' EXIT

command -v openssl >/dev/null || {
  echo "openssl is not installed; install it (apt-get install openssl)" >&2
  exit 1
}

k() {
  "${KUBECTL:-kubectl}" ${flags[@]+"${flags[@]}"} --namespace="$namespace" "$@"
}

# absent SECRET: whether there is no such Secret. A cluster that does not answer ends the script.
absent() {
  local found
  found=$(k get secret "$1" --ignore-not-found --output=name)
  [ -z "$found" ]
}

# 192 random bits, in characters that mean the same everywhere.
password() {
  openssl rand -hex 24
}

# value SECRET KEY TEXT: to be an entry of a Secret.
value() {
  mkdir -p "$work/$1"
  printf '%s' "$3" >"$work/$1/$2"
}

# create SECRET [KUBECTL-ARGUMENT...]: from the values that were given for it.
create() {
  k create secret generic "$1" --from-file="$work/$1" "${@:2}"
  rm -rf "${work:?}/$1"
}

# certificate SECRET NAME...: a key and certificate for DNS names (or IP:ADDRESS), signed by a CA
# whose own key is thrown away; valid for ten years, because nothing renews it.
certificate() {
  local secret=$1 dir="$work/$1" tmp="$work/$1.tmp" name names=""
  absent "$secret" || return 0
  shift
  for name in "$@"; do
    case $name in
      IP:*) names+=",$name" ;;
      *) names+=",DNS:$name" ;;
    esac
  done
  mkdir -p "$dir" "$tmp"
  cat >"$tmp/ca.conf" <<CONF
[req]
distinguished_name = dn
x509_extensions = ext
prompt = no
[dn]
CN = $secret CA
[ext]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
CONF
  cat >"$tmp/leaf.conf" <<CONF
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = ${names#,}
CONF
  openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/ca.key"
  openssl req -x509 -new -key "$tmp/ca.key" -sha256 -days 3650 -config "$tmp/ca.conf" \
    -out "$dir/ca.crt"
  openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$dir/tls.key"
  openssl req -new -key "$dir/tls.key" -subj "/CN=${1#IP:}" -config "$tmp/ca.conf" -out "$tmp/csr"
  openssl x509 -req -in "$tmp/csr" -CA "$dir/ca.crt" -CAkey "$tmp/ca.key" -sha256 -days 3650 \
    -set_serial "0x$(openssl rand -hex 16)" -extfile "$tmp/leaf.conf" -out "$dir/tls.crt" \
    2>/dev/null
  rm -rf "$tmp"
  create "$secret" --type=kubernetes.io/tls
}
