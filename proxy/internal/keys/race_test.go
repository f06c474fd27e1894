package keys

import (
	"sync"
	"testing"
)

// TestUseWhileKeysChange is for the race detector; without it, it shows that what was counted is not lost.
func TestUseWhileKeysChange(t *testing.T) {
	s := tempStore(t)
	info, token, err := s.AddGateway(GatewaySpec{Limits: Limits{RPM: 1e6, TPM: 1e6, SpendDay: 1e6}})
	if err != nil {
		t.Fatal(err)
	}
	addVirtual(t, s, "v", Limits{RPM: 1e6}, "a", "b")
	const users, uses = 4, 50
	var wg sync.WaitGroup
	for range users {
		wg.Go(func() {
			for range uses {
				g, err := s.Authenticate([]byte(token))
				if err != nil {
					t.Error(err)
					return
				}
				if err := g.Admit(); err != nil {
					t.Error(err)
				}
				g.Use(1, 0.5)
				if v, err := s.Secret("v"); err == nil {
					s.Answered("v", v, 429, 1)
					s.Use("v", 1, 0)
				}
				s.Gateways()
				s.Virtuals()
			}
		})
	}
	wg.Go(func() {
		for range 10 {
			other, _, err := s.AddGateway(GatewaySpec{})
			if err == nil {
				err = s.RevokeGateway(other.ID)
			}
			if err == nil {
				_, err = s.RotateVirtual("v", []string{"c", "d"})
			}
			if err == nil {
				err = s.Save()
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	s = reopen(t, s, testSeal)
	for _, g := range s.Gateways() {
		if sp := g.Spent; g.ID == info.ID && (sp.Requests != users*uses || sp.Tokens != users*uses || sp.TotalSum != users*uses/2) {
			t.Errorf("%+v", sp)
		}
	}
}
