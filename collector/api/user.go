package api

import (
	"context"
	"net/http"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/internal/errs"
)

const usersPath = "/api/v1/users"

// User is someone who can sign in.
type User struct {
	ID                string       `json:"id"`
	Name              string       `json:"name"`
	Roles             access.Roles `json:"roles" nullable:"false" enum:"admin,check_author,operator,service_desk,viewer"`
	Disabled          bool         `json:"disabled"`
	CreatedAt         time.Time    `json:"created_at"`
	UpdatedAt         time.Time    `json:"updated_at"`
	PasswordChangedAt time.Time    `json:"password_changed_at"`
}

func userOf(u access.User) User {
	return User{
		ID: u.ID, Name: u.Name, Roles: u.Roles, Disabled: u.Disabled, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
		PasswordChangedAt: u.PasswordChangedAt,
	}
}

type newUserInput struct{ Body newUser }

type newUser struct {
	Name     string       `json:"name" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9._@+-]*$" doc:"Letters, digits and . _ @ + -, at most 64; unique in any case"`
	Password string       `json:"password" minLength:"12" maxLength:"1024" writeOnly:"true" doc:"At least 12 characters"`
	Roles    access.Roles `json:"roles" nullable:"false" minItems:"1" enum:"admin,check_author,operator,service_desk,viewer"`
}

type userChangeInput struct {
	IDInput
	Body userChange
}

type userChange struct {
	Roles    access.Roles `json:"roles,omitempty" nullable:"false" minItems:"1" enum:"admin,check_author,operator,service_desk,viewer"`
	Disabled *bool        `json:"disabled,omitempty" doc:"A disabled user has no sessions, and its API tokens do not work"`
}

type setPasswordInput struct {
	IDInput
	Body setPasswordBody
}

type setPasswordBody struct {
	Password string `json:"password" minLength:"12" maxLength:"1024" writeOnly:"true" doc:"At least 12 characters"`
}

func (a *api) mountUsers() {
	admin := []access.Role{access.Admin}
	register(a, operation{
		id: "list-users", method: get, path: usersPath, tag: "user", roles: admin, summary: "All users by name",
	}, a.users)
	register(a, operation{
		id: "create-user", method: post, path: usersPath, tag: "user", roles: admin, status: http.StatusCreated, summary: "Add a user",
	}, a.createUser)
	register(a, operation{
		id: "show-user", method: get, path: usersPath + "/{id}", tag: "user", roles: admin, summary: "One user",
	}, a.user)
	register(a, operation{
		id: "change-user", method: patch, path: usersPath + "/{id}", tag: "user", roles: admin,
		summary: "Change roles, or lock out", description: "What is absent stays. The last admin can be neither demoted nor disabled.",
	}, a.changeUser)
	register(a, operation{
		id: "delete-user", method: remove, path: usersPath + "/{id}", tag: "user", roles: admin,
		summary: "Delete a user with its sessions and API tokens",
	}, a.deleteUser)
	register(a, operation{
		id: "set-password", method: put, path: usersPath + "/{id}/password", tag: "user", roles: admin,
		summary: "Give a user a new password", description: "Ends all sessions of the user.",
	}, a.setPassword)
}

func (a *api) users(ctx context.Context, in *Paging) (*answer[list[User]], error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	users, more, err := a.Access.Users(ctx, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := list[User]{Items: items(users, userOf)}
	if more {
		out.Next = cursor(users[len(users)-1].Name)
	}
	return &answer[list[User]]{out}, nil
}

func (a *api) createUser(ctx context.Context, in *newUserInput) (*created[User], error) {
	u, err := a.Access.CreateUser(ctx, access.NewUser{Name: in.Body.Name, Password: in.Body.Password, Roles: in.Body.Roles})
	if err != nil {
		return nil, err
	}
	return &created[User]{Location: at(usersPath, u.ID), Body: userOf(u)}, nil
}

func (a *api) user(ctx context.Context, in *IDInput) (*answer[User], error) {
	u, err := a.Access.User(ctx, in.ID)
	return &answer[User]{userOf(u)}, err
}

func (a *api) changeUser(ctx context.Context, in *userChangeInput) (*answer[User], error) {
	if in.Body.Roles == nil && in.Body.Disabled == nil {
		return nil, errs.New(errs.Invalid, "nothing to change: give roles or disabled")
	}
	var u access.User
	err := a.InTx(ctx, func(ctx context.Context) (err error) {
		if in.Body.Roles != nil {
			if err := a.Access.SetRoles(ctx, in.ID, in.Body.Roles); err != nil {
				return err
			}
		}
		if in.Body.Disabled != nil {
			if err := a.Access.SetDisabled(ctx, in.ID, *in.Body.Disabled); err != nil {
				return err
			}
		}
		u, err = a.Access.User(ctx, in.ID)
		return err
	})
	return &answer[User]{userOf(u)}, err
}

func (a *api) deleteUser(ctx context.Context, in *IDInput) (*nothing, error) {
	return nil, a.Access.DeleteUser(ctx, in.ID)
}

func (a *api) setPassword(ctx context.Context, in *setPasswordInput) (*nothing, error) {
	return nil, a.Access.SetPassword(ctx, in.ID, in.Body.Password)
}
