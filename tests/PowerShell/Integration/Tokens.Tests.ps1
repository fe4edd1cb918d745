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

    # The token library takes no certificate that the system does not trust; a process of its own is told by this variable, on Linux, to trust the lab's.
    Context 'of a person' -Skip:(-not $IsLinux) {
        BeforeAll {
            # Signs in at the prompt of another PowerShell, enters each code that it shows on the page that it names, and returns what was shown and written.
            function Complete-SignIn {
                param([string] $Command, [string[]] $User, [string] $Decision = 'accept')

                $pem = Join-Path $TestDrive 'lab.pem'
                Set-Content $pem $script:lab.Session.Tokens.CertificatePem
                $file = Join-Path $TestDrive "$(New-Guid).ps1"
                Set-Content $file "Import-Module '$(Get-ModulePath)'; `\$PSDefaultParameterValues['*-Router*:ConfigurationPath'] = '$($script:lab.ConfigurationPath)'; $Command"
                $output = "$file.txt"
                $process = Start-Process pwsh -ArgumentList '-NoProfile', '-NonInteractive', '-File', $file -RedirectStandardOutput $output -RedirectStandardError "$file.err" -PassThru `
                    -Environment @{ SSL_CERT_FILE = $pem; NO_COLOR = '1' }
                $null = $process.Handle
                try {
                    $seeds = $script:lab.Session.GetType().Assembly.GetType('EmailRouter.Lab.Seed.SeedOrganization')
                    for ($i = 0; $i -lt $User.Count; $i++) {
                        Wait-Condition -Seconds 60 { $process.HasExited -or @([regex]::Matches("$(Get-Content -Raw $output)", 'Open \S+ and enter')).Count -gt $i }
                        $shown = [regex]::Matches("$(Get-Content -Raw $output)", 'Open (\S+) and enter the code (\S+) by')[$i]
                        $form = @{ user_code = $shown.Groups[2].Value; username = $User[$i]; password = $seeds.GetMethod('PasswordOf').Invoke($null, @($User[$i])); decision = $Decision }
                        $null = Invoke-WebRequest $shown.Groups[1].Value -Method Post -Body $form -SkipCertificateCheck
                    }

                    $process.WaitForExit(60000) | Should -BeTrue
                    (Get-Content -Raw $output) + (Get-Content -Raw "$file.err")
                }
                finally {
                    if (-not $process.HasExited) { $process.Kill() }
                    $process.Dispose()
                }
            }

            $script:person = { New-RouterProfile Person -Direction Incoming -System Graph -Url $script:lab.GraphUrl -CertificatePin $script:lab.CertificatePin -Options @{ access = 'me' } `
                    -ClientId $env:LAB_CLIENT -Authority $script:lab.TokenUrl -DeviceCode }
        }

        It 'are got by a code that is shown, entered and polled for, and go with the profile' {
            $null = & $script:person
            Set-RouterMailbox anna.berg@contoso.test -IncomingProfile Person
            (Test-RouterAccess anna.berg@contoso.test -Direction Incoming).Failure.ErrorId | Should -Be 'MailTokenSignInNeeded'

            $shown = Complete-SignIn 'Register-RouterSignIn Person | Format-List' -User anna.berg@contoso.test
            $shown | Should -Match 'UserName\s+: anna.berg@contoso.test'

            (Invoke-RouterPoll anna.berg@contoso.test).Listed | Should -BeGreaterThan 0
            @(Get-Item (Join-Path $script:lab.Folder 'tokens.Person.*')).Count | Should -Be 1
            Remove-RouterProfile Person -Force
            Join-Path $script:lab.Folder 'tokens.Person.*' | Should -Not -Exist
        }

        It 'are missed in words when the person declines' {
            $null = & $script:person
            Complete-SignIn 'Register-RouterSignIn Person -ErrorVariable e -ErrorAction SilentlyContinue; $e[0].FullyQualifiedErrorId; "$e"' -User anna.berg@contoso.test -Decision decline |
                Should -Match 'MailToken\w+,.*\s.*profile Person'
        }

        It 'are got for each application of a deployment' {
            $type = $script:lab.Session.GetType().Assembly.GetType('EmailRouter.Lab.OAuth.LabOAuthClient')
            $script:lab.Session.Tokens.Register([Activator]::CreateInstance($type, 'second'))
            $null = New-RouterDeployment Online -Url $script:lab.DataverseUrl -CertificatePin $script:lab.CertificatePin -ClientId $env:LAB_CLIENT -Authority $script:lab.TokenUrl -DeviceCode
            Set-RouterDeployment Online -AddApplication -ClientId second -Authority $script:lab.TokenUrl -DeviceCode

            $shown = Complete-SignIn 'Get-RouterDeployment Online | Register-RouterSignIn | ForEach-Object { "$($_.ClientId) $($_.UserName)" }' -User anna.berg@contoso.test, ben.ortiz@contoso.test
            $shown | Should -Match "$env:LAB_CLIENT anna.berg@contoso.test"
            $shown | Should -Match 'second ben.ortiz@contoso.test'
            @(Get-Item (Join-Path $script:lab.Folder 'tokens.Online.*')).Count | Should -Be 2
            $again = Complete-SignIn 'Register-RouterSignIn -Deployment Online -ClientId second | ForEach-Object { "$($_.ClientId) $($_.UserName)" }' -User anna.berg@contoso.test
            $again | Should -Match 'second anna.berg@contoso.test'
            { Register-RouterSignIn -Deployment Online -ClientId third -ErrorAction Stop } | Should -Throw '*no application third*' -ErrorId 'RouterParameterInvalid*'

            Set-RouterDeployment Online -RemoveApplication second
            @(Get-Item (Join-Path $script:lab.Folder 'tokens.Online.*')).Count | Should -Be 1
            Set-RouterDeployment Online -ClientSecret (ConvertTo-SecureString $env:LAB_SECRET -AsPlainText -Force)
            Join-Path $script:lab.Folder 'tokens.Online.*' | Should -Not -Exist
        }
    }
}
