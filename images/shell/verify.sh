# Each tool does its work on what another has made.
set -eu
folder=$(mktemp -d)
cd "$folder"
git init --quiet --initial-branch=main .
printf '{"city": "Oslo", "sold": [10, 30]}\n' > sales.json
git add sales.json
git -c user.name=x -c user.email=x@example.org commit --quiet --message "Sales of Oslo"
git clone --quiet . copy
test "$(jq '.sold | add' copy/sales.json)" = 40
test "$(rg --files-with-matches Oslo copy)" = copy/sales.json
test "$(curl --silent --show-error "file://$folder/copy/sales.json" | jq -r .city)" = Oslo
# What a download will be checked against.
test -s /etc/ssl/certs/ca-certificates.crt
curl --version | grep -q https
rm -rf "$folder"
