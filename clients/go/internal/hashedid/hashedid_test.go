package hashedid_test

import (
	"encoding/hex"
	"slices"
	"testing"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/vectors"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

func TestHashedIDsAreThoseOfTheVectors(t *testing.T) {
	var file struct {
		HashedIDs []struct {
			Name, Type, Issuer, ID string
			HashedID               string `json:"hashed_id"`
		} `json:"hashed_ids"`
	}
	vectors.Read(t, "hashed-ids.json", &file)
	for _, one := range file.HashedIDs {
		id := hashedid.Of(one.Type, one.Issuer, one.ID)
		if found := hex.EncodeToString(id[:]); found != one.HashedID {
			t.Errorf("%s: found %s, not %s", one.Name, found, one.HashedID)
		}
	}
}

func TestASessionIsHitByAllThatItSays(t *testing.T) {
	session := &sessiondv1.Session{
		Issuer: "https://id.example", Subject: "usr_1", SessionId: "sds_1", ProviderSessionId: "ses_1",
		TokenId: "tkn_1", TenantId: "org_1", ClientId: "skc_1", KeyId: "k1",
	}
	ids := append(hashedid.OfSession(session), hashedid.OfKey(session))
	for _, one := range []struct{ kind, issuer, id string }{
		{"session", "", "sds_1"}, {"provider_session", "https://id.example", "ses_1"},
		{"token", "https://id.example", "tkn_1"}, {"subject", "https://id.example", "usr_1"},
		{"tenant", "https://id.example", "org_1"}, {"client", "https://id.example", "skc_1"},
		{"issuer", "https://id.example", ""}, {"key", "https://id.example", "k1"},
	} {
		if !slices.Contains(ids, hashedid.Of(one.kind, one.issuer, one.id)) {
			t.Errorf("a revocation of the %s does not hit", one.kind)
		}
	}
	if len(ids) != 8 {
		t.Errorf("%d hashed ids, not 8", len(ids))
	}
}

func TestWhatASessionDoesNotSayCannotHitIt(t *testing.T) {
	if ids := hashedid.OfSession(&sessiondv1.Session{Issuer: "https://id.example"}); len(ids) != 1 {
		t.Errorf("%d hashed ids, and not only the issuer's", len(ids))
	}
}
