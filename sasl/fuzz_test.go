package sasl

import (
	"context"
	"testing"
)

// Whatever comes, in whatever order, no server panics or lets a client in
// that doesn't know the password.
func FuzzServers(f *testing.F) {
	for _, s := range [][2]string{
		{"\x00tim\x00x", ""},
		{"tim", "x"},
		{"tim b913a602c7eda7a495b4e6e7334d3890", ""},
		{"n,,n=tim,r=abc", "c=biws,r=abc,p=AAAA"},
		{"y,a=x=2Cy,n=t=3Dm,r=abc,z=1", "c=eSws,r=abc,x=y,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="},
		{"n,a=tim,\x01host=h\x01port=143\x01auth=Bearer bad\x01\x01", "\x01"},
		{"user=tim\x01auth=Bearer bad\x01\x01", ""},
		{`charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",response=d388dad90d4bbd760a152321f2143af7,qop=auth`, ""},
	} {
		f.Add([]byte(s[0]), []byte(s[1]))
	}
	a := everything{&Users{Iterations: MinIterations, KeepSecrets: true}}
	if err := a.Set("tim", "6f1ed002ab5595859014ebf0951522d9"); err != nil {
		f.Fatal(err)
	}
	c := Conn{TLS: under, Mechanisms: []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"}}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		ctx := context.Background()
		for _, name := range Mechanisms(a, c) {
			for _, responses := range [][][]byte{{one, two}, {nil, one, two}} {
				s, err := NewServer(name, a, c)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range responses {
					_, done, err := s.Next(ctx, r)
					if done && name != "XOAUTH2" && name != "OAUTHBEARER" { // whose token anybody can guess
						t.Fatalf("%s let %q in with %q, %q", name, s.Identity(), one, two)
					}
					if err != nil || done {
						break
					}
				}
			}
		}
	})
}

func FuzzClients(f *testing.F) {
	f.Add([]byte("r=NONCEx,s=QSXCR+Q6sek8bf92,i=4096"), []byte("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="))
	f.Add([]byte(`realm="a",realm="b",nonce="x\"y",qop="auth, auth-int",algorithm=md5-sess,charset=utf-8`), []byte("rspauth=ea40f60335c427b5527b84dbabcdfffd"))
	f.Add([]byte(`{"status":"invalid_token","scope":"x"}`), []byte("e=other-error"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		for _, c := range []Client{
			Plain("", "u", "p"), Login("u", "p"), CramMD5("u", "p"), DigestMD5("z", "u", "p", "imap", "h"),
			SCRAM(SHA1, "u", "p", nil), XOAuth2("u", "t"), OAuthBearer(Token{Bearer: "t"}), External(""), Anonymous(""),
		} {
			if _, err := c.Start(); err != nil {
				t.Fatal(err)
			}
			if s, ok := c.(*scramClient); ok {
				s.nonce = "NONCE"
			}
			for _, challenge := range [][]byte{one, two, one} {
				if _, err := c.Next(challenge); err != nil {
					break
				}
			}
			if s, ok := c.(*scramClient); ok && s.Finish() == nil {
				t.Fatal("a server without the keys has proved itself")
			}
			_ = Reason(c)
		}
	})
}

func FuzzPrep(f *testing.F) {
	for _, s := range []string{"user", "I\u00ADX", "\u00AA", "\u0627\u0031\u0628", "e\u0301\u200b", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := Prep(s)
		if err != nil {
			return
		}
		if twice, err := Prep(once); err != nil || twice != once {
			t.Fatalf("%q became %q, and %q (%v)", s, once, twice, err)
		}
	})
}

func FuzzUsersText(f *testing.F) {
	f.Add([]byte(usersMagic + "AAAAAAAAAAAAAAAAAAAAAA==\nA b\tadmin\tplain=eA==\tSCRAM-SHA-1$4096:AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAA="))
	f.Fuzz(func(t *testing.T, text []byte) {
		u := &Users{}
		if u.UnmarshalText(text) != nil {
			return
		}
		once, _ := u.MarshalText()
		if err := u.UnmarshalText(once); err != nil {
			t.Fatal(err)
		}
		if twice, _ := u.MarshalText(); string(once) != string(twice) {
			t.Fatalf("%q became %q", once, twice)
		}
	})
}
