# Access tokens as an administrator sets them up, got from the lab's token server and shown to its endpoints.
BeforeAll {
    Import-Module "$PSScriptRoot/../TestUtils.psm1" -Force
    Import-Module (Get-ModulePath)
}

Describe 'Access tokens' -Tag Integration {
    BeforeEach {
        $script:lab = Start-RouterLab
        $PSDefaultParameterValues['*-Router*:ConfigurationPath'] = $script:lab.ConfigurationPath
        $session = $script:lab.Session.GetType()
        $env:LAB_TOKENS = "$($script:lab.TokenUrl)/oauth2/v2.0/token"
        $env:LAB_CLIENT = $session.GetField('ClientId').GetValue($null)
        $env:LAB_SECRET = $session.GetField('ClientSecret').GetValue($null)
    }

    AfterEach {
        $PSDefaultParameterValues.Remove('*-Router*:ConfigurationPath')
        $script:lab | Stop-RouterLab -ErrorAction SilentlyContinue
        Remove-Item Env:LAB_TOKENS, Env:LAB_CLIENT, Env:LAB_SECRET -ErrorAction Ignore
    }

    Context 'of a script' {
        It 'let a mailbox be polled' {
            $null = New-RouterProfile Script-In -Direction Incoming -System Graph -Url $script:lab.GraphUrl -CertificatePin $script:lab.CertificatePin -TokenScript {
                # The scope is that of the service, whatever its name is here.
                $body = @{ grant_type = 'client_credentials'; client_id = $env:LAB_CLIENT; client_secret = $env:LAB_SECRET; scope = $env:EMAILROUTER_SCOPE }
                Write-Warning 'This is for people.'
                Invoke-RestMethod -Method Post -Uri $env:LAB_TOKENS -Body $body -SkipCertificateCheck
            }
            Set-RouterMailbox support@contoso.test -IncomingProfile Script-In
            (Test-RouterAccess support@contoso.test -Direction Incoming).Success | Should -BeTrue
            (Invoke-RouterPoll support@contoso.test).Listed | Should -BeGreaterThan 0
        }

        It 'let the router into an organization' {
            $null = New-RouterDeployment Script -Url $script:lab.DataverseUrl -CertificatePin $script:lab.CertificatePin -TenantId contoso.test -IncomingProfile 'Lab POP3' -TokenScript {
                $body = @{ grant_type = 'client_credentials'; client_id = $env:LAB_CLIENT; client_secret = $env:LAB_SECRET; scope = "$env:EMAILROUTER_RESOURCE/.default" }
                $answer = Invoke-RestMethod -Method Post -Uri $env:LAB_TOKENS -Body $body -SkipCertificateCheck
                if ("$env:EMAILROUTER_DEPLOYMENT $env:EMAILROUTER_TENANT" -ne 'Script contoso.test') { throw 'The surroundings are not told.' }
                @{ access_token = $answer.access_token; expires_in = $answer.expires_in }
            }
            $access = Test-RouterAccess -Deployment Script | Where-Object Scope -EQ Deployment
            $access.Success | Should -BeTrue -Because "$($access.Failure)"
            (Get-RouterMailbox -Deployment Script support@contoso.test).Name | Should -Be 'Support'
        }

        It 'are missed in words, with profile, mailbox, exit code and complaint' {
            $null = New-RouterProfile Script-In -Direction Incoming -System Graph -Url $script:lab.GraphUrl -CertificatePin $script:lab.CertificatePin -TokenScript {
                Write-Output 'half-a-token-that-nobody-should-see'
                throw "The vault has nothing for $env:EMAILROUTER_USER."
            }
            Set-RouterMailbox support@contoso.test -IncomingProfile Script-In
            $access = Test-RouterAccess support@contoso.test -Direction Incoming
            $access.Success | Should -BeFalse
            "$($access.Failure.Detail)" | Should -BeLike '*profile Script-In*asked for support@contoso.test*ended with 1: line 2: The vault has nothing for support@contoso.test*'
            ($access | ConvertTo-Json -Depth 5 -WarningAction Ignore) | Should -Not -Match 'half-a-token'
        }
    }
}
